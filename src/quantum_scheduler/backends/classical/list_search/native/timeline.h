/* How much of each agent and resource is taken at every time: step functions, as in problems/timeline.py. */
#ifndef TIMELINE_H
#define TIMELINE_H

#include "problem.h"

/* From `time` on, until the next step, `used` units are taken. */
struct step {
  int64_t time, used;
};

/* The timelines: the steps of timeline k are count[k] from steps + steps_from[k] on; the last is for ever, unused. */
struct lines {
  struct step *steps;
  int32_t *count;
  int64_t work; /* steps looked at, ever */
};

static void clear_lines(const struct problem *p, struct lines *l) {
  for (int32_t k = 0; k < p->timelines; k++) {
    l->count[k] = 1;
    l->steps[p->steps_from[k]] = (struct step){0, 0};
  }
}

/* The number of the step during which `time` lies. Most looks are near the end, so it strides from there. */
static inline int32_t step_during(const struct step *steps, int32_t count, int64_t time) {
  int32_t high = count, low = count - 1, stride = 1;
  while (low > 0 && steps[low].time > time) {
    high = low;
    stride *= 2;
    low = low > stride ? low - stride : 0;
  }
  while (high - low > 1) {
    int32_t middle = low + (high - low) / 2;
    if (steps[middle].time <= time)
      low = middle;
    else
      high = middle;
  }
  return low;
}

/* The first time from `start` on at which `units` are free for `duration`, whatever the windows. */
static inline int64_t free_from(const struct problem *p, struct lines *l, int32_t k, int64_t start, int64_t duration,
                                int64_t units) {
  if (!duration) return start;
  const struct step *steps = l->steps + p->steps_from[k];
  int32_t count = l->count[k], first = step_during(steps, count, start), at = first;
  int64_t room = p->capacity[k] - units;
  for (; at < count && steps[at].time < start + duration; at++)
    if (steps[at].used > room) start = steps[at + 1].time;
  l->work += at - first + 2;
  return start;
}

/* The first time from `start` on from which a window of the timeline holds the whole `duration`, or NEVER. */
static int64_t open_from(const struct problem *p, int32_t k, int64_t start, int64_t duration) {
  int32_t low = p->windows_from[k], end = p->windows_from[k + 1], high = end;
  while (low < high) {
    int32_t middle = low + (high - low) / 2;
    if (p->closes[middle] < start + duration)
      low = middle + 1;
    else
      high = middle;
  }
  for (; low < end; low++) {
    int64_t opened = most(start, p->opens[low]);
    if (opened + duration <= p->closes[low]) return opened;
  }
  return NEVER;
}

/* The first time from `start` on at which `units` are free for `duration` inside one window, or NEVER. */
static inline int64_t earliest_fit(const struct problem *p, struct lines *l, int32_t k, int64_t start, int64_t duration,
                                   int64_t units) {
  if (!p->windows_from || p->windows_from[k] == p->windows_from[k + 1])
    return free_from(p, l, k, start, duration, units);
  for (;;) {
    int64_t opened = open_from(p, k, start, duration);
    if (opened == NEVER) return NEVER;
    start = free_from(p, l, k, opened, duration, units);
    if (start == opened) return start;
  }
}

/* The number of the step that begins at `time`, splitting one where needed. */
static inline int32_t step_at(struct step *steps, int32_t *count, int64_t time) {
  int32_t at = step_during(steps, *count, time);
  if (steps[at].time == time) return at;
  at++;
  memmove(steps + at + 1, steps + at, (size_t)(*count - at) * sizeof *steps);
  steps[at] = (struct step){time, steps[at - 1].used};
  ++*count;
  return at;
}

/* Make one step of this one and the one before it where both have the same units taken. */
static inline void join_step(struct step *steps, int32_t *count, int32_t at) {
  if (!at || steps[at].used != steps[at - 1].used) return;
  --*count;
  memmove(steps + at, steps + at + 1, (size_t)(*count - at) * sizeof *steps);
}

/* Take `units`, or give them back where negative, from `start` up to, not including, a later `end`. */
static inline void take(const struct problem *p, struct lines *l, int32_t k, int64_t start, int64_t end,
                        int64_t units) {
  struct step *steps = l->steps + p->steps_from[k];
  int32_t *count = l->count + k, first = step_at(steps, count, start), last = step_at(steps, count, end);
  for (int32_t at = first; at < last; at++) steps[at].used += units;
  l->work += last - first + 2;
  /* Neighbours can only have become equal at the two edges, because all between changed alike. */
  join_step(steps, count, last);
  join_step(steps, count, first);
}

/* Take what a task needs at its start, or with sign -1 give it back. An instant takes nothing. */
static void hold(const struct problem *p, struct lines *l, struct schedule s, int32_t task, int64_t sign) {
  int64_t start = s.start[task], end = start + p->duration[task];
  if (start == end) return;
  for (int32_t slot = p->slots_from[task]; slot < p->slots_from[task + 1]; slot++)
    take(p, l, s.crew[slot], start, end, sign);
  for (int32_t at = p->uses_from[task]; at < p->uses_from[task + 1]; at++)
    take(p, l, p->uses[at], start, end, sign * p->units[at]);
}

#endif
