# One image, every process: the command says which. PostgreSQL and Valkey come from their own images.
FROM node:22-bookworm-slim AS console
WORKDIR /build
COPY console/package.json console/package-lock.json console/.npmrc console/
RUN cd console && npm ci --no-audit --no-fund
COPY console console
RUN mkdir -p platform/console && cd console && npm run build

# libgomp1: the compiled operations share their work by it. libgl1, libglib2.0-0: OpenCV, for letters in images.
FROM python:3.11-slim-bookworm AS service
RUN apt-get update && apt-get install --yes --no-install-recommends \
        libgomp1 libgl1 libglib2.0-0 && rm -rf /var/lib/apt/lists/*
WORKDIR /srv/secretariat
COPY pyproject.toml README.md alembic.ini ./
COPY src src
COPY models models
COPY retrieval retrieval
COPY agents agents
COPY platform platform
COPY migrations migrations
RUN pip install --no-cache-dir --editable .
ENV SECRETARIAT_HOME=/var/lib/secretariat SECRETARIAT_HOST=0.0.0.0

# For every instruction set, since the processor isn't known yet. The service itself has no compiler.
FROM service AS kernels
RUN apt-get update && apt-get install --yes --no-install-recommends g++
RUN python -m secretariat.models.commands.kernels /build/kernels

FROM service
RUN useradd --system --create-home --home-dir /var/lib/secretariat secretariat && \
    mkdir -p /var/lib/secretariat/models /run/secretariat && \
    chown -R secretariat /var/lib/secretariat /run/secretariat
COPY --from=console /build/platform/console/static platform/console/static
COPY --from=kernels --chown=secretariat /build/kernels /var/lib/secretariat/kernels
USER secretariat
EXPOSE 8080
CMD ["python", "-m", "secretariat.platform.app"]
