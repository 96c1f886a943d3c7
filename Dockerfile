# The demonstration host for production: docker build --build-arg RELEASE_SHA="$(git rev-parse HEAD)" .
# docs/rollout.md says what is tested, and how.

FROM python:3.13-slim-trixie AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
# Every package is checked against a hash: those of the host, and those that build this project.
COPY requirements/host.txt requirements/build.txt requirements/
RUN python3 -m venv /tools \
    && python3 -m venv --without-pip /venv \
    && /tools/bin/pip install --require-hashes --requirement requirements/build.txt \
    && /tools/bin/pip --python /venv/bin/python3 install --require-hashes --requirement requirements/host.txt
COPY pyproject.toml README.md LICENSE CHANGELOG.md ./
COPY telemetry telemetry
RUN /tools/bin/pip wheel --no-deps --no-build-isolation --wheel-dir wheels . \
    && /tools/bin/pip --python /venv/bin/python3 install --no-deps --no-index wheels/*.whl
COPY manage.py gunicorn.conf.py /app/
COPY config /app/config
COPY django_plugins /app/django_plugins
COPY deploy/entrypoint.sh deploy/healthcheck.py /app/deploy/
WORKDIR /app
# The serving user can't write to /app: bytecode and static files are created here.
RUN /venv/bin/python3 -m compileall -q . \
    && mkdir static \
    && /venv/bin/python3 manage.py collectstatic --noinput --verbosity 0 \
    && /venv/bin/python3 -m whitenoise.compress --quiet static

FROM python:3.13-slim-trixie
RUN useradd --system --uid 10001 --user-group --no-create-home --home-dir /nonexistent corkboard \
    && install --directory --owner corkboard --group corkboard /data /data/sites /cache
COPY --from=build /venv /venv
COPY --from=build /app /app
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    DATABASE_URL=sqlite:////data/db.sqlite3 \
    SITES_DIR=/data/sites \
    XDG_CACHE_HOME=/cache \
    PORT=8000 \
    WEB_CONCURRENCY=2
WORKDIR /app
# Last, so that a release without other changes is a new layer of a few bytes.
ARG RELEASE_SHA=development
LABEL org.opencontainers.image.revision=${RELEASE_SHA}
RUN echo "${RELEASE_SHA}" > /.release
# By number, so that an orchestrator can verify that it is not root.
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --start-interval=1s \
    CMD ["python3", "/app/deploy/healthcheck.py"]
ENTRYPOINT ["/app/deploy/entrypoint.sh"]
CMD ["gunicorn", "config.asgi:application"]
