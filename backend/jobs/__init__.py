"""One file per worker job (作业); `load_jobs` finds them all. See README.md."""

import importlib
import pkgutil
from types import ModuleType

from backend.jobs.port import Again, Done, Job, Lane

__all__ = ["Again", "Done", "Job", "Lane", "job_of", "load_jobs"]


def load_jobs() -> dict[str, Job]:
    """Return every job by its kind. Raises TypeError for a file that declares none, or a kind twice."""
    jobs: dict[str, Job] = {}
    package = importlib.import_module("backend.jobs")
    for info in sorted(pkgutil.iter_modules(package.__path__), key=lambda item: item.name):
        if info.name == "port":
            continue
        job = job_of(importlib.import_module(f"backend.jobs.{info.name}"))
        if job.kind in jobs:
            raise TypeError(f"two jobs of kind {job.kind}")
        jobs[job.kind] = job
    return jobs


def job_of(module: ModuleType) -> Job:
    """Read what a job file declares. Raises TypeError when something is missing or contradicts itself."""
    missing = [name for name in ("KIND", "Payload", "run") if not hasattr(module, name)]
    if missing:
        raise TypeError(f"{module.__name__} declares no {', '.join(missing)}")
    every_s = getattr(module, "EVERY_S", None)
    daily_at = getattr(module, "DAILY_AT", None)
    if every_s is not None and daily_at is not None:
        raise TypeError(f"{module.__name__} declares both EVERY_S and DAILY_AT")
    lane = getattr(module, "LANE", Lane.PROMPT)
    return Job(module.KIND, module.Payload, module.run, every_s, daily_at, lane)
