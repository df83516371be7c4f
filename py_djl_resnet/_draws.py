"""Random choices of blocks: each is a pure function of the seed and its place, and the same on every version."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence


def number(*key: object) -> int:
    """Returns a number from 0 to 2**64 - 1 that depends only on the key."""
    return int.from_bytes(hashlib.sha256("/".join(map(str, key)).encode()).digest()[:8], "big")


def deleted(names: Sequence[str], size: int, seed: int, draw: int) -> list[str]:
    """Returns `size` of the names, in their own order."""
    chosen = sorted(names, key=lambda name: number(seed, "delete", size, draw, name))[:size]
    return [name for name in names if name in chosen]


def pairs(groups: Sequence[int]) -> list[tuple[int, int]]:
    """Returns the pairs of positions with the same group."""
    return [(i, j) for j, group in enumerate(groups) for i in range(j) if groups[i] == group]


def shuffled(names: Sequence[str], places: Sequence[tuple[int, int]], size: int, seed: int, draw: int) -> list[str]:
    """Returns the names after `size` swaps, each of a random pair of places."""
    order = list(names)
    for swap in range(size):
        i, j = places[number(seed, "shuffle", size, draw, swap) % len(places)]
        order[i], order[j] = order[j], order[i]
    return order


def kendall_tau(permutation: Sequence[int]) -> float:
    """Returns Kendall's rank correlation of distinct numbers with their order: 1 if sorted, -1 if reversed.

    It is the share of pairs in order minus the share of the others.
    """
    count = len(permutation)
    inversions = sum(permutation[i] > permutation[j] for j in range(count) for i in range(j))
    return 1 - 4 * inversions / (count * (count - 1))
