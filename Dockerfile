# Patchbay in a container: docs/operations.md, "Containers". Renew the tag and its digest together.
FROM python:3.11.14-slim-bookworm@sha256:65a93d69fa75478d554f4ad27c85c1e69fa184956261b4301ebaf6dbb0a3543d AS base

FROM base AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_COMPILE=1 PIP_ROOT_USER_ACTION=ignore
RUN python -m venv --without-pip /venv
COPY requirements.txt docker/unused.txt /build/
RUN pip --python /venv/bin/python install --require-hashes -r /build/requirements.txt
# What nothing here imports is half of it. The last line fails where that is no longer true.
RUN cd /venv/lib/python3.11/site-packages \
    && grep -v '^#' /build/unused.txt | xargs rm -r \
    && find . -type d \( -name tests -o -name test \) -prune -exec rm -r {} + \
    && find . -name '*.pyi' -delete
COPY app /patchbay/app
COPY providers /patchbay/providers
COPY docker /patchbay/docker
RUN PYTHONPATH=/patchbay /venv/bin/python /patchbay/docker/load.py

FROM base
ENV PATH=/venv/bin:$PATH \
    PYTHONPATH=/patchbay \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    MALLOC_ARENA_MAX=2 \
    PORT=8000 \
    DATABASE_URL=sqlite:////var/lib/patchbay/patchbay.db
RUN groupadd --gid 10001 patchbay \
    && useradd --uid 10001 --gid patchbay --home-dir /var/lib/patchbay --shell /usr/sbin/nologin patchbay \
    && install -d -m 0700 -o patchbay -g patchbay /var/lib/patchbay
COPY --from=build /venv /venv
COPY --from=build /patchbay /patchbay
COPY --chmod=0755 docker/patchbay docker/start /usr/local/bin/
USER 10001:10001
WORKDIR /var/lib/patchbay
VOLUME /var/lib/patchbay
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["python", "/patchbay/docker/health.py"]
CMD ["start"]
