# One image for backend, worker, collector and, under the profile "demo", the simulators.
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
COPY constraints.txt pyproject.toml README.md ./
COPY backend backend
COPY collector collector
COPY common common
COPY simulator simulator
RUN python -m venv /opt/prewatt \
 && /opt/prewatt/bin/pip install --no-cache-dir -c constraints.txt hatchling editables \
 && /opt/prewatt/bin/pip install --no-cache-dir --no-build-isolation -c constraints.txt .

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
