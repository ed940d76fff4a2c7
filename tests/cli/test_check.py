"""`portal check` on Redis: each store's line says how it is, and no password."""

from __future__ import annotations

from pathlib import Path

from tests.processes import free_ports, project_in, run_portal
from tests.redis import redis_url
from tests.stage import VARIABLES


def test_a_store_that_answers_is_ok_and_one_that_does_not_is_an_error_with_its_mend(
    tmp_path: Path,
) -> None:
    folder, [nobody] = project_in(tmp_path), free_ports(1)
    file = folder / "wrangler-like.toml"
    text = file.read_text().replace("sqlite:.portal/state.db", redis_url())
    away = f"redis://:open-sesame@127.0.0.1:{nobody}/0"
    file.write_text(text.replace("sqlite:.portal/activities.db", away))
    elsewhere = {
        "SM_API_URL": f"http://127.0.0.1:{nobody}",
        "SMTP_URL": f"smtp://127.0.0.1:{nobody}",
    }
    code, printed = run_portal("check", folder=folder, **VARIABLES, **elsewhere)
    assert code == 1
    [state] = [line for line in printed.splitlines() if " STATE " in line]
    assert state.startswith("✔ STATE")
    assert "unix:///" in state
    said = printed[printed.index("✘ ACTIVITIES") :].splitlines()
    assert f"redis://***@127.0.0.1:{nobody}/0" in said[0]
    assert "Connect call failed" in said[0]
    assert "see that the engine is up" in said[1]
    assert "open-sesame" not in printed
