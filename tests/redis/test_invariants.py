"""Whatever is done to the index in whatever order: what must always hold, holds."""

from hypothesis import HealthCheck, settings
from hypothesis.stateful import invariant

from controller.index.messages import Fire
from tests.redis.index_machine import RIVALS, UNREACHED_MS, IndexMachine


class Invariants(IndexMachine):
    """What holds at any time."""

    @invariant()
    def the_index_is_valid_from_the_end_of_a_rebuild_until_an_accident(self) -> None:
        assert self._state().valid == self.built

    @invariant()
    def a_ticket_is_due_or_leased_but_not_both_and_none_that_somebody_waits_for_is_lost(self) -> None:
        if self.built:
            due, leased, lease = self._places()
            assert not due & leased
            assert leased == lease
            assert self.awaited <= due | leased

    @invariant()
    def marks_and_what_fired_last_never_fall(self) -> None:
        stored = self.loop.run(self.server.redis.hgetall(self.index.keys.tickets))
        known = {ticket: text.split() for ticket, text in stored.items() if ticket != "!"}
        assert {ticket: int(mark) for ticket, (_, mark, _, _) in known.items()} == self.marks
        assert {ticket: int(mark) - int(since) for ticket, (_, mark, since, _) in known.items()} == self.fired
        assert all(int(since) >= 0 for _, _, since, _ in known.values()), "nothing fires that is not handled"

    @invariant()
    def of_two_rivals_neither_confirms_while_the_other_is_held(self) -> None:
        last = {lease.ticket: lease for lease in self.granted}
        fires = [Fire(last[one], 99, UNREACHED_MS, rival) for one, rival in RIVALS.items() if one in last]
        if not fires:
            return
        _, _, held = self._places()
        verdicts = self._verdicts(fires)
        plain = self._verdicts([Fire(fire.lease, 99, UNREACHED_MS) for fire in fires])
        assert verdicts == [
            "busy" if verdict == "ok" and fire.rival in held else verdict
            for fire, verdict in zip(fires, plain, strict=True)
        ]
        assert len(held & RIVALS.keys()) < 2 or "ok" not in verdicts

    @invariant()
    def of_all_leases_ever_granted_for_a_ticket_only_the_last_confirms_and_only_what_is_new(self) -> None:
        leases = self.granted[-20:]
        if not leases:
            return
        verdicts = self._verdicts([Fire(lease, 99, UNREACHED_MS) for lease in leases])
        confirmed = [lease for lease, verdict in zip(leases, verdicts, strict=True) if verdict == "ok"]
        assert len({lease.ticket for lease in confirmed}) == len(confirmed)
        for lease in confirmed:
            generation, mark_ms = self.known[lease.ticket], self.marks[lease.ticket]
            assert self.built
            assert self.expiries[lease.token + lease.ticket] > self._now_ms()
            assert self.holders.get(lease.ticket) == lease.token
            doubtful = [
                Fire(lease, generation - 1, UNREACHED_MS),
                Fire(lease, 99, mark_ms),
                Fire(lease, generation, mark_ms + 1),
            ]
            assert self._verdicts(doubtful) == ["edited", "handled", "ok"]


Invariants.TestCase.settings = settings(
    max_examples=20,
    stateful_step_count=40,
    deadline=None,
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow],
)


class TestInvariants(Invariants.TestCase):
    pass
