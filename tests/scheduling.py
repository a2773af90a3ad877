"""Which process runs which file of tests: a file that only waits for minutes to pass has a process to itself.

CronJobs know no shorter interval. A process that waits for them leaves its core idle; and one more for everything, than
there are cores, would make all others late.
"""

from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController

PATIENT = frozenset({"tests/integration/test_conformance.py"})
ENOUGH = 3
"""From so many processes on, the last one is for these files."""


class PatientScheduling(LoadFileScheduling):
    """As `--dist loadfile`, but for files that are patient."""

    def _assign_work_unit(self, node: WorkerController) -> None:
        patient = f"gw{self.numnodes - 1}"
        waits = node.gateway.id == patient
        is_there = any(one.gateway.id == patient for one in self.nodes)
        fitting = next((scope for scope in self.workqueue if not is_there or (scope in PATIENT) == waits), None)
        if fitting is None:
            # It ends once it has done what it was given.
            node.shutdown()
            return
        self.workqueue.move_to_end(fitting, last=False)
        super()._assign_work_unit(node)
