/* A schedule problem in positions instead of ids, and what every search over it shares.
 *
 * Lists of lists stand end to end: those of i are list[list_from[i]] to list[list_from[i + 1] - 1]. */
#ifndef PROBLEM_H
#define PROBLEM_H

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

/* Later than any schedule ends; a few times as late still fits. */
#define NEVER ((int64_t)1 << 60)
/* In the first place of a wanted crew: whoever can begin first. */
#define ANYBODY (-1)
/* From here on, a value counts the time by which hard deadlines are missed, and further on the tasks without a place. */
#define MISSED ((int64_t)1 << 60)
#define UNPLACED ((int64_t)1 << 61)
#define NO_MEMORY INT64_MAX

/* Laid out as `Tables` in tables.py, which says what each part holds. */
struct problem {
  int32_t tasks, agents, timelines, kinds, slots;
  int64_t makespan_weight;
  const int64_t *duration, *release, *due, *latest, *late_weight;
  const int32_t *sequence, *before_from, *before, *after_from, *after;
  const int32_t *slots_from, *kind, *able_from, *able;
  const int32_t *uses_from, *uses;
  const int64_t *units, *price, *capacity;
  const int32_t *windows_from;
  const int64_t *opens, *closes, *steps_from;
};

/* When each task starts, and the agent in each slot. */
struct schedule {
  int64_t *start;
  int32_t *crew;
};

/* How a search ended. */
enum { ENDED_WORK = 0, ENDED_TARGET = 1, ENDED_STOPPED = 2, ENDED_NO_MEMORY = 3 };

/* One stream of search: what is asked of it, and what it found. Laid out as `Stream` in kernels.py. */
struct stream {
  uint64_t seed;
  int64_t work_max; /* end once so much work is done */
  int64_t target;   /* end at a value this low */
  int32_t stop;     /* written from outside: end now */
  int32_t ended;
  int64_t work;
  int64_t best;             /* what the schedule is worth, or UNPLACED and more while there is none */
  struct schedule schedule; /* the best; a search begins with the one it is given, if any */
};

static inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

static inline uint64_t next_random(uint64_t *state) { /* SplitMix64, by Sebastiano Vigna */
  uint64_t z = (*state += 0x9E3779B97F4A7C15u);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

static inline int32_t random_below(uint64_t *state, int32_t count) {
  return (int32_t)(((next_random(state) >> 32) * (uint64_t)count) >> 32);
}

/* Spread evenly over (0, 1]. */
static inline double random_unit(uint64_t *state) { return (double)((next_random(state) >> 11) + 1) * 0x1p-53; }

/* Whether the stream must end; says why. */
static inline int must_end(struct stream *s) {
  if (__atomic_load_n(&s->stop, __ATOMIC_RELAXED))
    s->ended = ENDED_STOPPED;
  else if (s->best <= s->target)
    s->ended = ENDED_TARGET;
  else if (s->work >= s->work_max)
    s->ended = ENDED_WORK;
  else
    return 0;
  return 1;
}

static void copy_schedule(const struct problem *p, struct schedule to, struct schedule from) {
  memcpy(to.start, from.start, (size_t)p->tasks * sizeof *to.start);
  memcpy(to.crew, from.crew, (size_t)p->slots * sizeof *to.crew);
}

static void record_best(struct stream *s, const struct problem *p, int64_t value, struct schedule found) {
  copy_schedule(p, s->schedule, found);
  __atomic_store_n(&s->best, value, __ATOMIC_RELAXED);
}

/* The weighted objective of a complete schedule, or MISSED and more where a hard deadline is missed. */
static int64_t worth(const struct problem *p, struct schedule s) {
  int64_t makespan = 0, value = 0, missed = 0;
  for (int32_t task = 0; task < p->tasks; task++) {
    int64_t end = s.start[task] + p->duration[task];
    makespan = most(makespan, end);
    if (end > p->due[task]) value += p->late_weight[task] * (end - p->due[task]);
    if (end > p->latest[task]) missed += end - p->latest[task];
    for (int32_t slot = p->slots_from[task]; slot < p->slots_from[task + 1]; slot++)
      value += p->price[s.crew[slot]] * p->duration[task];
  }
  return missed ? MISSED + missed : value + p->makespan_weight * makespan;
}

#define RUN 12 /* runs this short are sorted by insertion before they are merged */

/* Sort tasks by ascending keys[task], equals as they stand; `room` holds as many tasks. Quick where nearly sorted. */
static void sort_tasks(int32_t *tasks, int32_t count, const int64_t *keys, int32_t *room) {
  for (int32_t first = 0; first < count; first += RUN)
    for (int32_t at = first + 1; at < count && at < first + RUN; at++) {
      int32_t task = tasks[at], to = at;
      for (; to > first && keys[tasks[to - 1]] > keys[task]; to--) tasks[to] = tasks[to - 1];
      tasks[to] = task;
    }
  for (int32_t width = RUN; width < count; width *= 2)
    for (int32_t first = 0; first < count - width; first += 2 * width) {
      int32_t middle = first + width, end = count - middle < width ? count : middle + width;
      if (keys[tasks[middle - 1]] <= keys[tasks[middle]]) continue;
      memcpy(room + first, tasks + first, (size_t)width * sizeof *tasks);
      for (int32_t left = first, right = middle, at = first; left < middle; at++)
        tasks[at] = right == end || keys[room[left]] <= keys[tasks[right]] ? room[left++] : tasks[right++];
    }
}

#endif
