/* Evaluate an order of the tasks: place them, push them late, place them again. */
#ifndef EVALUATE_H
#define EVALUATE_H

#include "place.h"

/* What evaluating needs. `mirror` is the problem in reversed time, without windows; its releases are filled in anew for
 * each schedule that is pushed late. */
struct trial {
  struct problem mirror;
  struct bench bench;
  struct schedule found, late, again;
  int64_t *keys, *releases;
  int32_t *order, *room;
};

static int open_schedule(const struct problem *p, struct schedule *s) {
  s->start = malloc((size_t)p->tasks * sizeof *s->start);
  s->crew = malloc((size_t)p->slots * sizeof *s->crew + 1);
  return s->start && s->crew;
}

static void close_schedule(struct schedule *s) { free(s->start), free(s->crew); }

static int open_trial(const struct problem *p, struct trial *t) {
  size_t tasks = (size_t)p->tasks;
  int opened = open_bench(p, &t->bench) & open_schedule(p, &t->found) & open_schedule(p, &t->late) &
               open_schedule(p, &t->again);
  t->keys = malloc(tasks * sizeof *t->keys);
  t->releases = malloc(tasks * sizeof *t->releases);
  t->order = malloc(tasks * sizeof *t->order);
  t->room = malloc(tasks * sizeof *t->room);
  t->mirror = *p;
  t->mirror.release = t->releases;
  t->mirror.windows_from = NULL;
  t->mirror.before_from = p->after_from;
  t->mirror.before = p->after;
  t->mirror.after_from = p->before_from;
  t->mirror.after = p->before;
  return opened && t->keys && t->releases && t->order && t->room;
}

static void close_trial(struct trial *t) {
  close_bench(&t->bench), close_schedule(&t->found), close_schedule(&t->late), close_schedule(&t->again);
  free(t->keys), free(t->releases), free(t->order), free(t->room);
}

/* Sort by descending ends, so that among equals what came later comes first. */
static void sort_late_first(const struct problem *p, struct trial *t, const int64_t *start) {
  for (int32_t task = 0; task < p->tasks; task++) t->keys[task] = -(start[task] + p->duration[task]);
  for (int32_t i = 0, j = p->tasks - 1; i < j; i++, j--) {
    int32_t swapped = t->order[i];
    t->order[i] = t->order[j];
    t->order[j] = swapped;
  }
  sort_tasks(t->order, p->tasks, t->keys, t->room);
}

/* Push all tasks as late as their crews allow and place them anew in that order; keep the result if it is no worse.
 *
 * Forward-backward improvement (Tormos and Lova 2001). No task is pushed past the end of all or past a due time that it
 * kept, so that without windows the result is never worse. */
static int64_t justify(const struct problem *p, struct trial *t, int32_t *order, const int32_t *wanted, int64_t value) {
  size_t tasks = (size_t)p->tasks;
  int64_t makespan = 0;
  for (int32_t task = 0; task < p->tasks; task++) makespan = most(makespan, t->found.start[task] + p->duration[task]);
  for (int32_t task = 0; task < p->tasks; task++) {
    int64_t end = t->found.start[task] + p->duration[task];
    int64_t limit = least(makespan, most(end, p->latest[task]));
    if (p->late_weight[task]) limit = least(limit, most(end, p->due[task]));
    t->releases[task] = makespan - limit;
  }
  memcpy(t->order, order, tasks * sizeof *order);
  sort_late_first(p, t, t->found.start);
  place_all(&t->mirror, &t->bench, t->late, t->order, t->found.crew);
  sort_late_first(p, t, t->late.start);
  if (place_all(p, &t->bench, t->again, t->order, wanted) < p->tasks) return value;
  int64_t again = worth(p, t->again);
  if (again > value) return value;
  struct schedule swapped = t->found;
  t->found = t->again;
  t->again = swapped;
  memcpy(order, t->order, tasks * sizeof *order);
  return again;
}

/* Place the tasks, justify the schedule, sort `order` by its starts, and return what it is worth. */
static int64_t evaluate(const struct problem *p, struct trial *t, int32_t *order, const int32_t *wanted) {
  int32_t placed = place_all(p, &t->bench, t->found, order, wanted);
  if (placed < p->tasks) return UNPLACED + p->tasks - placed;
  int64_t value = justify(p, t, order, wanted, worth(p, t->found));
  sort_tasks(order, p->tasks, t->found.start, t->room);
  return value;
}

#endif
