# docker build -t redistimer:0.1.0 .
# docker buildx build --platform linux/amd64,linux/arm64 -t registry.example.com/redistimer:0.1.0 --push .
#
# Name a digest to build the same image tomorrow: --build-arg PYTHON_IMAGE=python:3.12-slim@sha256:...
ARG PYTHON_IMAGE=python:3.12-slim

FROM ${PYTHON_IMAGE} AS build
WORKDIR /src
# Without pip: what is installed stays as it is.
RUN python -m venv --without-pip /opt/redistimer
COPY requirements.lock requirements-dev.lock ./
# Wheels alone: nothing is built, and nothing runs while it is installed. All of them are there for amd64 and arm64.
RUN pip --python /opt/redistimer/bin/python install --no-cache-dir --no-compile --require-hashes --only-binary :all: -r requirements.lock
# The wheel of the product itself is built with the setuptools of the lock.
RUN sed -n '/^setuptools==/,/[^\\]$/p' requirements-dev.lock > setuptools.lock
RUN pip install --no-cache-dir --require-hashes --only-binary :all: --target setuptools -r setuptools.lock
COPY pyproject.toml README.md LICENSE ./
COPY controller controller
RUN PYTHONPATH=setuptools pip wheel --no-cache-dir --no-deps --no-build-isolation --no-index --wheel-dir wheels .
RUN pip --python /opt/redistimer/bin/python install --no-cache-dir --no-compile --no-deps --no-index wheels/*.whl
# Compiled here, as nothing can be written where it runs.
RUN /opt/redistimer/bin/python -m compileall -q -j 0 /opt/redistimer/lib

FROM ${PYTHON_IMAGE}
ARG REVISION=unknown
LABEL org.opencontainers.image.title="RedisTimer" \
      org.opencontainers.image.description="RedisTimers become Kubernetes Jobs, on time, once." \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/redistimer /opt/redistimer
# Time zones come from the tzdata wheel, whatever the base image has. Nothing is written at run time.
ENV PATH=/opt/redistimer/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/opt/redistimer/bin/redistimer"]
CMD ["--help"]
