"""The table of transactions."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sipexpress.transaction.table import Table


def filled(count: int, limit: int = 10_000) -> Table[int]:
    """A table of 0, 1, 2 ..."""
    table: Table[int] = Table(limit)
    for number in range(count):
        table.put(b"key %d" % number, number)
    return table


class TableTests(SynchronousTestCase):
    def test_what_is_put_is_found(self) -> None:
        table = filled(1000)
        self.assertEqual([table.get(b"key %d" % number) for number in range(1000)], list(range(1000)))
        self.assertIsNone(table.get(b"key 1000"))
        self.assertEqual((len(table), table.count), (1000, 1000))

    def test_what_is_dropped_is_gone(self) -> None:
        table = filled(10)
        table.drop(b"key 3")
        table.drop(b"key 3")
        table.drop(b"never there")
        self.assertIsNone(table.get(b"key 3"))
        self.assertEqual(table.count, 9)

    def test_a_key_is_taken_once(self) -> None:
        table = filled(1)
        self.assertRaises(KeyError, table.put, b"key 0", 7)
        self.assertEqual((table.get(b"key 0"), table.count), (0, 1))

    def test_a_key_is_free_again_after_its_entry_has_gone(self) -> None:
        table = filled(1)
        table.drop(b"key 0")
        table.put(b"key 0", 7)
        self.assertEqual((table.get(b"key 0"), table.count), (7, 1))

    def test_swap_puts_another_entry_in_the_same_place(self) -> None:
        table = filled(3)
        table.swap(b"key 1", 7)
        self.assertEqual((table.get(b"key 1"), table.count), (7, 3))

    def test_swap_needs_an_entry_to_take_the_place_of(self) -> None:
        """Else the count would be wrong for ever."""
        table = filled(3)
        self.assertRaises(KeyError, table.swap, b"key 3", 7)
        self.assertEqual((table.get(b"key 3"), table.count, len(list(table))), (None, 3, 3))

    def test_full_at_its_limit(self) -> None:
        table = filled(2, limit=3)
        self.assertFalse(table.full())
        table.put(b"one more", 7)
        self.assertTrue(table.full())
        table.drop(b"key 0")
        self.assertFalse(table.full())

    def test_an_entry_that_counts_as_false_is_an_entry(self) -> None:
        table: Table[str] = Table(3)
        table.put(b"key", "")
        table.drop(b"key")
        self.assertEqual(table.count, 0)

    def test_iteration_while_entries_come_and_go(self) -> None:
        table = filled(1000)
        seen = []
        for number in table:
            seen.append(number)
            table.drop(b"key %d" % number)
            if number < 500:
                table.put(b"another %d" % number, 1000 + number)
        self.assertEqual(sorted(number for number in seen if number < 1000), list(range(1000)))
        self.assertEqual(len(seen), len(set(seen)))
        self.assertEqual(len(list(table)), table.count)

    @settings(deadline=None, max_examples=100)
    @given(
        st.lists(st.tuples(st.sampled_from(("put", "swap", "drop")), st.integers(0, 20), st.integers()), max_size=60)
    )
    def test_it_is_one_dict_that_counts(self, steps: list[tuple[str, int, int]]) -> None:
        table: Table[int] = Table(100)
        model: dict[bytes, int] = {}
        for what, number, value in steps:
            key = b"%d" % number
            if what == "drop":
                table.drop(key)
                model.pop(key, None)
            elif (what == "put") is (key in model):
                self.assertRaises(KeyError, getattr(table, what), key, value)
            else:
                getattr(table, what)(key, value)
                model[key] = value
        self.assertEqual(sorted(table), sorted(model.values()))
        self.assertEqual(len(table), len(model))
        self.assertEqual({key: table.get(key) for key in model}, model)
