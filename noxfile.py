"""``nox`` runs the quick tests on every Python that is supported and at hand; ``nox -s tests-3.12`` on one."""

from __future__ import annotations

import nox


@nox.session(python=["3.11", "3.12", "3.13", "3.14"])
def tests(session: nox.Session) -> None:
    """The quick tests; what follows ``--`` goes to pytest."""
    session.install("--constraint", "constraints.txt", "--editable", ".[train,text,faces,cluster,docs,dev]")
    session.run(
        "pytest", "-n", "2", "--dist", "loadfile", "-m", "not slow", *session.posargs, env={"OMP_NUM_THREADS": "1"}
    )
