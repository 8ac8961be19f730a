"""One file per worker job (作业); `load_jobs` finds them all. See README.md."""

import importlib
import pkgutil

from backend.jobs.port import Again, Done, Job

__all__ = ["Again", "Done", "Job", "load_jobs"]


def load_jobs() -> dict[str, Job]:
    """Return every job by its kind. Raises TypeError for a file that declares none, or a kind twice."""
    jobs: dict[str, Job] = {}
    package = importlib.import_module("backend.jobs")
    for info in sorted(pkgutil.iter_modules(package.__path__), key=lambda item: item.name):
        if info.name == "port":
            continue
        module = importlib.import_module(f"backend.jobs.{info.name}")
        job = Job(
            module.KIND,
            module.Payload,
            module.run,
            getattr(module, "EVERY_S", None),
            getattr(module, "DAILY_AT", None),
        )
        if job.kind in jobs:
            raise TypeError(f"two jobs of kind {job.kind}")
        jobs[job.kind] = job
    return jobs
