/* Place tasks as early as they fit: the serial list schedule of problems/place.py. */
#ifndef PLACE_H
#define PLACE_H

#include "timeline.h"

/* What placing needs beside the problem: the timelines, and for one task the first fit of each agent that is able. */
struct bench {
  struct lines lines;
  int64_t *fits, *ranked;
};

static int open_bench(const struct problem *p, struct bench *b) {
  size_t agents = (size_t)p->agents + 1;
  b->lines.steps = malloc((size_t)p->steps_from[p->timelines] * sizeof *b->lines.steps + 1);
  b->lines.count = malloc((size_t)p->timelines * sizeof *b->lines.count + 1);
  b->lines.work = 0;
  b->fits = malloc(agents * sizeof *b->fits);
  b->ranked = malloc(agents * sizeof *b->ranked);
  return b->lines.steps && b->lines.count && b->fits && b->ranked;
}

static void close_bench(struct bench *b) {
  free(b->lines.steps), free(b->lines.count), free(b->fits), free(b->ranked);
}

/* The value that comes `rank`-th, from 1, when they are sorted. `ranked` is room for as many. */
static int64_t smallest(const int64_t *values, int32_t count, int32_t rank, int64_t *ranked) {
  int32_t kept = 0;
  for (int32_t i = 0; i < count; i++) {
    if (kept == rank && values[i] >= ranked[kept - 1]) continue;
    int32_t to = kept < rank ? kept++ : rank - 1;
    for (; to > 0 && ranked[to - 1] > values[i]; to--) ranked[to] = ranked[to - 1];
    ranked[to] = values[i];
  }
  return ranked[rank - 1];
}

/* The first time from `start` on at which one able agent is free, who then does it, or NEVER. */
static int64_t earliest_agent(const struct problem *p, struct bench *b, struct schedule s, int32_t task,
                              int64_t start) {
  int32_t *crew = s.crew + p->slots_from[task], kind = p->kind[task];
  int64_t earliest = NEVER;
  for (int32_t at = p->able_from[kind]; at < p->able_from[kind + 1]; at++) {
    int64_t fit = earliest_fit(p, &b->lines, p->able[at], start, p->duration[task], 1);
    if (fit >= earliest) continue;
    earliest = fit;
    *crew = p->able[at];
    if (fit == start) break;
  }
  return earliest;
}

/* The first time from `start` on at which enough able agents are free together; the first of them do it. NEVER where
 * there is none. `fits` holds for each the first fit from some earlier time on, looked up again once that has passed. */
static int64_t earliest_crew(const struct problem *p, struct bench *b, struct schedule s, int32_t task, int64_t start) {
  int32_t *crew = s.crew + p->slots_from[task], need = p->slots_from[task + 1] - p->slots_from[task];
  const int32_t *able = p->able + p->able_from[p->kind[task]];
  int32_t count = p->able_from[p->kind[task] + 1] - p->able_from[p->kind[task]];
  while (start < NEVER) {
    int32_t found = 0;
    for (int32_t i = 0; i < count && found < need; i++) {
      if (b->fits[i] < start) b->fits[i] = earliest_fit(p, &b->lines, able[i], start, p->duration[task], 1);
      if (b->fits[i] == start) crew[found++] = able[i];
    }
    if (found == need) return start;
    /* Before this time, fewer than enough are free. */
    start = smallest(b->fits, count, need, b->ranked);
  }
  return NEVER;
}

/* The first time from `start` on at which the crew that is given is free together, or NEVER. */
static int64_t earliest_given(const struct problem *p, struct bench *b, struct schedule s, int32_t task,
                              int64_t start) {
  for (int64_t begin = -1; begin < start && start < NEVER;) {
    begin = start;
    for (int32_t slot = p->slots_from[task]; slot < p->slots_from[task + 1] && start < NEVER; slot++)
      start = earliest_fit(p, &b->lines, s.crew[slot], start, p->duration[task], 1);
  }
  return start;
}

/* When a task could start by its release and its predecessors' ends. */
static inline int64_t ready_at(const struct problem *p, struct schedule s, int32_t task) {
  int64_t ready = p->release[task];
  for (int32_t at = p->before_from[task]; at < p->before_from[task + 1]; at++)
    ready = most(ready, s.start[p->before[at]] + p->duration[p->before[at]]);
  return ready;
}

/* Place a task from its predecessors' ends on, with the crew in `wanted` or ANYBODY. Returns its end, or NEVER and
 * takes nothing where it cannot end by `limit`. */
static int64_t place_task(const struct problem *p, struct bench *b, struct schedule s, int32_t task,
                          const int32_t *wanted, int64_t limit) {
  int64_t duration = p->duration[task], start = ready_at(p, s, task), begin;
  int32_t slot = p->slots_from[task], need = p->slots_from[task + 1] - slot;
  int given = need && wanted[slot] != ANYBODY;
  if (given) memcpy(s.crew + slot, wanted + slot, (size_t)need * sizeof *s.crew);
  if (need > 1 && !given)
    for (int32_t i = p->able_from[p->kind[task] + 1] - p->able_from[p->kind[task]]; i-- > 0;) b->fits[i] = -1;
  do {
    begin = start;
    for (int32_t at = p->uses_from[task]; at < p->uses_from[task + 1]; at++)
      start = earliest_fit(p, &b->lines, p->uses[at], start, duration, p->units[at]);
    int64_t fits = start;
    if (given)
      start = earliest_given(p, b, s, task, start);
    else if (need == 1)
      start = earliest_agent(p, b, s, task, start);
    else if (need)
      start = earliest_crew(p, b, s, task, start);
    if (start + duration > limit) return NEVER;
    if (p->uses_from[task] == p->uses_from[task + 1] || (start == fits && fits == begin)) break;
  } while (start != begin);
  s.start[task] = start;
  hold(p, &b->lines, s, task, 1);
  return start + duration;
}

/* Place all tasks in an order that keeps to the dependencies. Returns how many found a place before one did not. */
static int32_t place_all(const struct problem *p, struct bench *b, struct schedule s, const int32_t *order,
                         const int32_t *wanted) {
  clear_lines(p, &b->lines);
  for (int32_t turn = 0; turn < p->tasks; turn++)
    if (place_task(p, b, s, order[turn], wanted, NEVER - 1) == NEVER) return turn;
  return p->tasks;
}

#endif
