from __future__ import annotations

import httpx
import pytest

from eval.answering.patience import PatientTransport


async def statuses(*answers: tuple[int, str | None]) -> tuple[int, list[bytes]]:
    """The status in the end, and the bodies that were sent on the way there."""
    left, bodies = iter(answers), list[bytes]()

    async def answer(request: httpx.Request) -> httpx.Response:
        bodies.append(await request.aread())
        status, wait = next(left)
        return httpx.Response(status, headers={} if wait is None else {"retry-after": wait})

    transport = PatientTransport(httpx.MockTransport(answer))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        return (await client.post("/v1/query", json={"question": "?"})).status_code, bodies


@pytest.mark.anyio
async def test_a_busy_server_is_asked_the_same_again() -> None:
    status, bodies = await statuses((429, "0"), (429, "0"), (200, None))
    assert status == 200
    assert len(bodies) == 3
    assert len(set(bodies)) == 1


@pytest.mark.anyio
async def test_a_quota_that_lasts_and_other_errors_are_told() -> None:
    for refusal in ((429, "3600"), (429, None), (503, "0")):
        status, bodies = await statuses(refusal)
        assert (status, len(bodies)) == (refusal[0], 1)
