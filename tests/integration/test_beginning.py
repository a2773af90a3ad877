"""A leader begins while timers come, change and go: the list of its rebuild and its watch leave no gap."""

from tests.integration.product import Product
from tests.integration.waiting import wait_until
from tests.integration.world import KEYS, Timer, World

_AFTERWARDS = 20
_MOST = 5_000


def test_what_happens_while_a_leader_begins_is_missed_by_neither_list_nor_watch(
    product_processes: Product, world: World
) -> None:
    product_processes.restore(controllers=0, workers=0)
    there = [world.create(f"there-{number}", every="1h") for number in range(100)]
    # The next rebuild, which would make good what is missed, comes tomorrow.
    controller = product_processes.start("controller", REDISTIMER_REBUILD_SECONDS="86400")
    timers: dict[str, tuple[Timer, int]] = {}
    number, last = 0, _MOST
    while number < last:
        timers[f"new-{number}"] = world.create(f"new-{number}", every="1h"), 1
        if number < len(there):
            changed = there[number]
            if number % 2:
                changed.delete()
            else:
                changed.edit(every="2h")
            timers[changed.name] = changed, 0 if number % 2 else 2
        number += 1
        if last == _MOST and "index rebuilt" in controller.log:
            last = number + _AFTERWARDS
    for untouched in there[number:]:
        timers[untouched.name] = untouched, 1

    def generations() -> dict[str, int]:
        """What the index knows of each, 0 for nothing."""
        known = world.cluster.redis.hmget(KEYS.tickets, [timer.ticket for timer, _ in timers.values()])
        return {name: int(text.split()[0]) if text else 0 for name, text in zip(timers, known, strict=True)}

    wanted = {name: generation for name, (_, generation) in timers.items()}
    wait_until(generations, lambda seen: seen == wanted, "the index knows all timers as they are")
    assert number > _AFTERWARDS + 5, "something did happen meanwhile"
    assert controller.log.count("index rebuilt") == 1
