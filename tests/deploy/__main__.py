"""`python -m tests.deploy` makes deploy/install.yaml and the chart's copy of the CRD anew."""

import sys

from tests.cluster.errors import StackError
from tests.cluster.helm import MAJORS, find_helm
from tests.deploy.manifests import CRD_COPY, CRDS, INSTALL, install_manifest


def main() -> int:
    """Write both files; the exit code."""
    try:
        helm = find_helm(MAJORS[0])
    except StackError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    CRD_COPY.write_bytes(CRDS.read_bytes())
    INSTALL.write_text(install_manifest(helm))
    print(f"{CRD_COPY}\n{INSTALL}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
