"""The messages in which processes add the gradients of shards, a second time: see Sources/UnrollCluster/SumPlan.swift.

The simulation and the test vectors use it. It is written from the description there, and the messages of both are compared.
"""

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


def rounds(count, size, elements):
    """All messages of a sum, a list for each round: sender, receiver, first element, end.

    The second value is the number of rounds after which the sum of all is there, in slices.
    """
    owners = [rank for rank in range(size) for _ in range(*shards(rank, size, count))]
    nodes = []
    root = Node(0, count, owners, 0, nodes)
    up = root.height
    result = [[] for _ in range(up + max(node.depth for node in nodes))]
    for node in sorted(nodes, key=lambda node: node.height):
        for _, before, after, first, end in node.overlaps(elements):
            if before != after:
                result[node.height - 1].append((before, after, first, end))
    last = cuts(len(root.holders), elements)
    finished = [[] for _ in range(size)]
    for i, process in enumerate(root.holders):
        finished[process] = united([], last[i], last[i + 1])
    for node in sorted(nodes, key=lambda node: node.depth):
        for _, before, after, first, end in node.overlaps(elements):
            for a, b in missing(first, end, finished[before]):
                result[up + node.depth].append((after, before, a, b))
            finished[before] = united(finished[before], first, end)
    return result, up
