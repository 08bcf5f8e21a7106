"""The messages in which processes add the gradients of shards, a second time: see Sources/UnrollCluster/SumPlan.swift.

The simulation and the test vectors use it. It is written from the description there, and tests compare the messages of
both.
"""

import hashlib

BLOCK = 16  # Slices begin at multiples of so many elements.


def children(node):
    """The two halves of a range of shards; the first has one more if they are odd."""
    first, end = node
    middle = end - (end - first) // 2
    return (first, middle), (middle, end)


def shards(rank, size, count):
    """The consecutive shards of a process."""
    node = (0, count)
    while size % 2 == 0:
        size //= 2
        node = children(node)[rank // size]
        rank %= size
    first, n = node[0], node[1] - node[0]
    return first - (-rank * n // size), first - (-(rank + 1) * n // size)


def own_nodes(node, own):
    """The largest nodes within a process's shards, in order."""
    if node[1] <= own[0] or own[1] <= node[0]:
        return []
    if own[0] <= node[0] and node[1] <= own[1]:
        return [node]
    return [found for half in children(node) for found in own_nodes(half, own)]


def cuts(count, elements):
    """Where the slices of so many processes begin, and the end."""
    blocks = -(-elements // BLOCK)
    return [min(elements, BLOCK * (blocks * i // count)) for i in range(count + 1)]


class Node:
    """A node that several processes sum, or a leaf of one process."""

    def __init__(self, first, end, owners, depth, nodes):
        self.depth, self.height, self.halves = depth, 0, []
        if owners[first] == owners[end - 1]:
            self.holders = [owners[first]]
        else:
            self.halves = [Node(*half, owners, depth + 1, nodes) for half in children((first, end))]
            self.height = 1 + max(half.height for half in self.halves)
            self.holders = merge(*(half.holders for half in self.halves))
        nodes.append(self)

    def overlaps(self, elements):
        """Parts of the slices of a half that are parts of those of the node: half, holder there, holder here, range."""
        after = cuts(len(self.holders), elements)
        for half in self.halves:
            before = cuts(len(half.holders), elements)
            i = j = 0
            while i < len(half.holders) and j < len(self.holders):
                first, end = max(before[i], after[j]), min(before[i + 1], after[j + 1])
                if first < end:
                    yield half, half.holders[i], self.holders[j], first, end
                step_before, step_after = before[i + 1] <= after[j + 1], after[j + 1] <= before[i + 1]
                i, j = i + step_before, j + step_after


def merge(left, right):
    """The holders of two halves in one order, by the centers of their slices."""
    places = {}
    for side, holders in enumerate((left, right)):
        for i, process in enumerate(holders):
            places.setdefault(process, []).append(((2 * i + 1) / (2 * len(holders)), side))

    def place(process):
        centers, sides = zip(*places[process])
        return sum(centers) / len(centers), sum(sides) / len(sides)

    return sorted(places, key=place)


def missing(first, end, ranges):
    """The parts of a range that lie in none of the sorted, disjoint ranges."""
    for a, b in ranges:
        if b <= first or end <= a:
            continue
        if first < a:
            yield first, a
        first = max(first, b)
    if first < end:
        yield first, end


def united(ranges, first, end):
    """Sorted, disjoint ranges and one more."""
    apart = [r for r in ranges if r[1] < first or end < r[0]]
    touching = [r for r in ranges if not (r[1] < first or end < r[0])] + [(first, end)]
    return sorted(apart + [(min(r[0] for r in touching), max(r[1] for r in touching))])


class Plan:
    """The messages and additions of a sum, a list for each round.

    A message is (sender, receiver, first element, end), an addition (process, elements). The sum of all is there, in
    slices, after `upward` rounds, and everywhere after all of them.
    """

    def __init__(self, count, size, elements):
        owners = [rank for rank in range(size) for _ in range(*shards(rank, size, count))]
        nodes = []
        root = Node(0, count, owners, 0, nodes)
        self.upward = root.height
        rounds = self.upward + max(node.depth for node in nodes)
        self.messages = [[] for _ in range(rounds)]
        self.additions = [[] for _ in range(rounds)]

        for node in sorted(nodes, key=lambda node: node.height):
            for _, before, after, first, end in node.overlaps(elements):
                if before != after:
                    self.messages[node.height - 1].append((before, after, first, end))
            if node.halves:
                slices = cuts(len(node.holders), elements)
                for i, process in enumerate(node.holders):
                    self.additions[node.height - 1].append((process, slices[i + 1] - slices[i]))

        finished = [[] for _ in range(size)]
        slices = cuts(len(root.holders), elements)
        for i, process in enumerate(root.holders):
            finished[process] = [(slices[i], slices[i + 1])]
        for node in sorted(nodes, key=lambda node: node.depth):
            for _, before, after, first, end in node.overlaps(elements):
                for part in missing(first, end, finished[before]):
                    self.messages[self.upward + node.depth].append((after, before, *part))
                finished[before] = united(finished[before], first, end)

    def lines(self):
        """The messages as the tests read them: "round sender receiver first end"."""
        return [f"{i} {' '.join(map(str, m))}" for i, messages in enumerate(self.messages) for m in messages]


def case(count, size, elements):
    """What the tests know of a plan: its size, the digest of its lines, and the lines if they are few."""
    lines = Plan(count, size, elements).lines()
    digest = hashlib.sha256("".join(line + "\n" for line in lines).encode()).hexdigest()
    known = {"shards": count, "size": size, "elements": elements, "count": len(lines), "digest": digest}
    return known | ({"lines": lines} if len(lines) <= 50 else {})
