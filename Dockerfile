# One image, every process: the command says which. PostgreSQL and Valkey come from their own images.
FROM node:22-bookworm-slim AS console
WORKDIR /build
COPY console/package.json console/package-lock.json console/.npmrc console/
RUN cd console && npm ci --no-audit --no-fund
COPY console console
RUN mkdir -p platform/console && cd console && npm run build

FROM python:3.11-slim-bookworm
WORKDIR /srv/secretariat
COPY pyproject.toml README.md alembic.ini ./
COPY src src
COPY models models
COPY retrieval retrieval
COPY agents agents
COPY platform platform
COPY migrations migrations
RUN pip install --no-cache-dir --editable . && \
    useradd --system --create-home --home-dir /var/lib/secretariat secretariat && \
    mkdir -p /var/lib/secretariat/models /run/secretariat && \
    chown -R secretariat /var/lib/secretariat /run/secretariat
COPY --from=console /build/platform/console/static platform/console/static
ENV SECRETARIAT_HOME=/var/lib/secretariat SECRETARIAT_HOST=0.0.0.0
USER secretariat
EXPOSE 8080
CMD ["python", "-m", "secretariat.platform.app"]
