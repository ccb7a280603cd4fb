from typing import NamedTuple

import numpy as np

from quantum_scheduler.backends.classical.list_search.chance import below
from quantum_scheduler.backends.classical.list_search.compile import kernel, part
from quantum_scheduler.backends.classical.list_search.evaluate import evaluate
from quantum_scheduler.backends.classical.list_search.place import ANYBODY, Schedule, copy_all
from quantum_scheduler.backends.classical.list_search.tensors import Integers


class Population(NamedTuple):
    orders: Integers
    crews: Integers
    values: Integers
    marks: Integers
    child: Integers
    wanted: Integers
    chosen: Integers


class Best(NamedTuple):
    value: Integers
    schedule: Schedule


def make_population(tensors, size):
    n = tensors.duration.size
    s = int(tensors.slots_from[-1])
    z = lambda *a: np.zeros(a, np.int64)
    return Population(z(size, n), np.full((size, s), ANYBODY), z(size), z(size), z(n), z(s), z(n))


@part
def mark_of(starts):
    h = np.int64(1469598103934665603)
    for i in range(starts.size):
        h = (h ^ starts[i]) * np.int64(1099511628211)
    return h


@part
def copy_crew(tensors, task, source, target):
    for slot in range(tensors.slots_from[task], tensors.slots_from[task + 1]):
        target[slot] = source[slot]


@part
def cross(tensors, population, mother, father, x, y):
    child, chosen = population.child, population.chosen
    n = child.size
    for i in range(n):
        chosen[i] = 0
    k = 0
    for q in range(x):
        t = population.orders[mother, q]
        child[k] = t
        chosen[t] = 1
        k += 1
    q = 0
    while k < y:
        t = population.orders[father, q]
        q += 1
        if not chosen[t]:
            child[k] = t
            chosen[t] = 2
            k += 1
    for q in range(x, n):
        t = population.orders[mother, q]
        if not chosen[t]:
            child[k] = t
            k += 1
    for t in range(n):
        if chosen[t] == 2:
            copy_crew(tensors, t, population.crews[father], population.wanted)
        else:
            copy_crew(tensors, t, population.crews[mother], population.wanted)


@part
def shift(tensors, child, stream, reach):
    n = child.size
    q = below(stream, n)
    t = child[q]
    lo = q
    while lo > 0 and q - lo < reach:
        o = child[lo - 1]
        bad = False
        for p in range(tensors.before_from[t], tensors.before_from[t + 1]):
            if tensors.before[p] == o:
                bad = True
                break
        if bad:
            break
        lo -= 1
    hi = q
    while hi < n - 1 and hi - q < reach:
        o = child[hi + 1]
        bad = False
        for p in range(tensors.after_from[t], tensors.after_from[t + 1]):
            if tensors.after[p] == o:
                bad = True
                break
        if bad:
            break
        hi += 1
    r = lo + below(stream, hi - lo + 1)
    if r < q:
        for z in range(q, r, -1):
            child[z] = child[z - 1]
    else:
        for z in range(q, r):
            child[z] = child[z + 1]
    child[r] = t


@part
def reassign(tensors, wanted, stream):
    t = below(stream, tensors.duration.size)
    f = tensors.slots_from[t]
    need = tensors.slots_from[t + 1] - f
    k = tensors.kind[t]
    a = tensors.able_from[k]
    able = tensors.able_from[k + 1] - a
    if need == 0 or able == need:
        return
    if wanted[f] != ANYBODY:
        wanted[f] = ANYBODY
        return
    # random crew
    got = 0
    for at in range(able):
        if below(stream, able - at) < need - got:
            wanted[f + got] = tensors.able[a + at]
            got += 1


@part
def pick(values, stream):
    a = below(stream, values.size)
    b = below(stream, values.size)
    return b if values[b] < values[a] else a


@kernel
def evolve(tensors, population, best, stream, trial, work, justify, mut, pmut, reach, wt):
    P = population.values.size
    child, wanted = population.child, population.wanted
    n = child.size
    until = trial.bench.lines.work[0] + work
    made = 0
    while trial.bench.lines.work[0] < until:
        made += 1
        a = pick(population.values, stream)
        b = below(stream, P)
        x = below(stream, n + 1)
        y = below(stream, n + 1)
        if x > y:
            x, y = y, x
        cross(tensors, population, a, b, x, y)
        for _ in range(1 + below(stream, mut)):
            shift(tensors, child, stream, reach)
        if below(stream, 100) < pmut:
            reassign(tensors, wanted, stream)
        v = evaluate(tensors, child, wanted, justify, trial)
        if v < best.value[0]:
            best.value[0] = v
            copy_all(trial.schedule.start, best.schedule.start)
            copy_all(trial.schedule.crew, best.schedule.crew)
        h = mark_of(trial.schedule.start)
        w = below(stream, P)
        for _ in range(wt - 1):
            o = below(stream, P)
            if population.values[o] > population.values[w]:
                w = o
        if v <= population.values[w]:
            dup = False
            for z in range(P):
                if population.marks[z] == h and population.values[z] == v:
                    dup = True
                    break
            if not dup:
                population.values[w] = v
                population.marks[w] = h
                copy_all(child, population.orders[w])
                copy_all(wanted, population.crews[w])
    return made
