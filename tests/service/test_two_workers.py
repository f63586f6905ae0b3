"""Two workers given the same message at once."""

from threading import Barrier, Thread

from chalicelib.core.runs import RunStatus
from chalicelib.stores.queues import read_message
from tests.backends import on_moto
from tests.world import MINUTE, World

TIMES = 60


def at_once(world: World, key: str) -> None:
    barrier = Barrier(2)

    def work() -> None:
        barrier.wait()
        world.services.worker.advance(key, lambda: MINUTE)

    workers = [Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


@on_moto  # which takes its time, so that the two get into each other's way
def test_never_append_two_entries_at_one_index_nor_begin_one_effect_twice(world, order):
    world.publish(order)
    for _ in range(TIMES):
        run = world.start()
        [message] = world.messages()

        at_once(world, read_message(message["Body"]))

        world.forget(message)
        ended = world.run(run.id)
        journal = world.services.runs.journal(ended.account, run.id)
        assert ended.status is RunStatus.COMPLETED
        assert [type(entry).__name__ for entry in journal] == ["Input", "Performed", "Performed", "Performed", "Output"]
        asked = [key for key in world.outside.keys if key.startswith(run.id)]
        assert len(asked) == len(set(asked)) == 3
