# The image of the `ooo` command and of the Prefect workers. docs/deployment.md describes its use.
#   docker build -t calcom-ooo-warehouse .
# The build reads no secret. Pass credentials at run time only.
ARG PYTHON_IMAGE=docker.io/library/python:3.13-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
RUN python3 -m venv /opt/ooo
COPY requirements.lock ./
RUN /opt/ooo/bin/pip install --no-deps --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE prefect.yaml automations.yaml calcom_ooo_warehouse.py ./
COPY calcom/ calcom/
COPY landing/ landing/
COPY transforms/ transforms/
COPY warehouse/ warehouse/
COPY flows/ flows/
RUN /opt/ooo/bin/pip install --no-deps --no-build-isolation . \
    && /opt/ooo/bin/pip uninstall --yes hatchling editables pip \
    && /opt/ooo/bin/ooo --version
# The image is read-only at run time. A package may have a file that this Python cannot compile, which is no failure.
RUN /opt/ooo/bin/python -m compileall -q -j 0 /opt/ooo/lib > /dev/null || true

FROM ${PYTHON_IMAGE}
RUN groupadd --gid 10001 ooo \
    && useradd --uid 10001 --gid ooo --home-dir /home/ooo --create-home --shell /usr/sbin/nologin ooo \
    && install -d -o ooo -g ooo -m 0700 /var/lib/ooo \
    && install -d -o ooo -g ooo -m 0755 /etc/ooo
COPY --from=build /opt/ooo /opt/ooo
ENV PATH=/opt/ooo/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    OOO_DATA_DIR=/var/lib/ooo \
    PREFECT_SERVER_ANALYTICS_ENABLED=false
USER 10001:10001
# The deployments and alarms of Prefect, for `prefect deploy --all` and `ooo setup-prefect` in this folder.
WORKDIR /etc/ooo
RUN ooo init-prefect
VOLUME /var/lib/ooo
# Unhealthy if the newest snapshot of an organization is older than 26 hours. The start period leaves a day for the
# first sync.
HEALTHCHECK --interval=15m --timeout=60s --start-period=24h --retries=2 \
    CMD ["ooo", "status", "--max-age-hours", "26"]
ENTRYPOINT ["ooo"]
CMD ["sync", "--quiet"]
