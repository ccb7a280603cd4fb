/* A genetic algorithm over orders of the tasks and wishes for their crews.
 *
 * After Hartmann (Naval Research Logistics 45, 1998), every child justified as by Valls, Ballestin, Quintanilla (EJOR
 * 165, 2005), and started afresh once it has converged. */
#ifndef EVOLVE_H
#define EVOLVE_H

#include "evaluate.h"

#define POPULATION_MIN 20
#define POPULATION_MAX 300
#define POPULATION_BYTES_MAX ((size_t)1 << 28)
#define FILL_SHARE 8   /* no more than this part of all work goes into the first individuals */
#define PATIENCE 40    /* individuals of `size` without a better one before all are drawn anew */
#define SHAKE_MIN 0.02 /* how far a rule's ranks are shaken, as a share of the tasks: the first, and the last one */
#define SHAKE_MAX 0.42
#define MUTATIONS_MAX 2
#define REACH 40         /* a mutation moves a task no further than this */
#define WISH_PERCENT 30  /* children whose wish for a crew changes */
#define FIT_ROUNDS 2     /* of a tournament to be a parent, and to be replaced */
#define UNFIT_ROUNDS 3
#define TASK_WORK 80     /* what an evaluation costs beside the timelines, for each task, in steps looked at */

/* The individuals, one after the other. `mark` tells schedules apart. */
struct population {
  int32_t size, size_max, *orders, *crews;
  int64_t *value;
  uint64_t *mark, random;
  struct trial trial;
  int32_t *order, *wishes; /* the child */
  uint8_t *taken;
};

static void close_population(struct population *g) {
  close_trial(&g->trial);
  free(g->orders), free(g->crews), free(g->value), free(g->mark), free(g->order), free(g->wishes), free(g->taken);
}

static int open_population(const struct problem *p, struct population *g) {
  size_t tasks = (size_t)p->tasks, slots = (size_t)p->slots + 1;
  int opened = open_trial(p, &g->trial);
  int64_t fit = (int64_t)(POPULATION_BYTES_MAX / ((tasks + slots) * sizeof *g->orders));
  size_t size_max = (size_t)(g->size_max = (int32_t)least(POPULATION_MAX, most(POPULATION_MIN, fit)));
  g->orders = malloc(size_max * tasks * sizeof *g->orders);
  g->crews = malloc(size_max * slots * sizeof *g->crews);
  g->value = malloc(size_max * sizeof *g->value);
  g->mark = malloc(size_max * sizeof *g->mark);
  g->order = malloc(tasks * sizeof *g->order);
  g->wishes = malloc(slots * sizeof *g->wishes);
  g->taken = malloc(tasks);
  return opened && g->orders && g->crews && g->value && g->mark && g->order && g->wishes && g->taken;
}

static int32_t *order_of(const struct problem *p, const struct population *g, int32_t i) {
  return g->orders + (size_t)i * (size_t)p->tasks;
}

static int32_t *wishes_of(const struct problem *p, const struct population *g, int32_t i) {
  return g->crews + (size_t)i * (size_t)p->slots;
}

static uint64_t mark_schedule(const struct problem *p, struct schedule s) {
  uint64_t mark = 0xCBF29CE484222325u; /* FNV-1a over words */
  for (int32_t task = 0; task < p->tasks; task++) mark = (mark ^ (uint64_t)s.start[task]) * 0x100000001B3u;
  return mark;
}

static void settle_in(const struct problem *p, struct population *g, int32_t place, int64_t value, uint64_t mark) {
  g->value[place] = value;
  g->mark[place] = mark;
  memcpy(order_of(p, g, place), g->order, (size_t)p->tasks * sizeof *g->order);
  memcpy(wishes_of(p, g, place), g->wishes, (size_t)p->slots * sizeof *g->wishes);
}

/* Place the child, count the work, and keep its schedule if it is the best. */
static int64_t try_child(struct stream *s, const struct problem *p, struct population *g) {
  int64_t before = g->trial.bench.lines.work;
  int64_t value = evaluate(p, &g->trial, g->order, g->wishes);
  s->work += g->trial.bench.lines.work - before + TASK_WORK * p->tasks;
  if (value < s->best) record_best(s, p, value, g->trial.found);
  return value;
}

/* Sort the tasks by a rule's ranks, shaken; predecessors move ahead with what waits for them. */
static void draw_order(const struct problem *p, struct population *g, const int32_t *rank, double width) {
  int64_t *keys = g->trial.keys;
  for (int32_t task = 0; task < p->tasks; task++) {
    double shake = random_unit(&g->random) + random_unit(&g->random) + random_unit(&g->random) - 1.5;
    keys[task] = (int64_t)((rank[task] + 2 * width * shake) * 256);
  }
  for (int32_t at = p->tasks; at-- > 0;) {
    int32_t task = p->sequence[at];
    for (int32_t i = p->before_from[task]; i < p->before_from[task + 1]; i++)
      keys[p->before[i]] = least(keys[p->before[i]], keys[task]);
  }
  memcpy(g->order, p->sequence, (size_t)p->tasks * sizeof *g->order);
  sort_tasks(g->order, p->tasks, keys, g->trial.room);
}

/* The stream's own schedule as a child: its order, and its crews as wishes. */
static void draw_given(struct stream *s, const struct problem *p, struct population *g) {
  memcpy(g->order, p->sequence, (size_t)p->tasks * sizeof *g->order);
  sort_tasks(g->order, p->tasks, s->schedule.start, g->trial.room);
  memcpy(g->wishes, s->schedule.crew, (size_t)p->slots * sizeof *g->wishes);
}

/* Draw the first individuals: the given schedule, each rule, then rules more and more shaken. */
static void populate(struct stream *s, const struct problem *p, struct population *g, int32_t rules,
                     const int32_t *ranks, int first) {
  int64_t begin = s->work, fill_max = (s->work_max - begin) / FILL_SHARE;
  int32_t size_max = first ? g->size_max : g->size, given = first && s->best < UNPLACED;
  for (g->size = 0; g->size < size_max && !must_end(s); g->size++) {
    int32_t drawn = g->size - given;
    if (first && drawn >= rules && g->size >= POPULATION_MIN && s->work - begin > fill_max) break;
    for (int32_t slot = 0; slot < p->slots; slot++) g->wishes[slot] = ANYBODY;
    if (drawn < 0)
      draw_given(s, p, g);
    else {
      double width = p->tasks * (SHAKE_MIN + (SHAKE_MAX - SHAKE_MIN) * drawn / POPULATION_MAX);
      draw_order(p, g, ranks + (size_t)(drawn % rules) * (size_t)p->tasks, first && drawn < rules ? 0.0 : width);
    }
    int64_t value = try_child(s, p, g);
    settle_in(p, g, g->size, value, mark_schedule(p, g->trial.found));
  }
}

/* Two-point crossover: the father's tasks, in his order and with his wishes, fill the middle of the mother's. */
static void cross(const struct problem *p, struct population *g, int32_t mother, int32_t father) {
  const int32_t *hers = order_of(p, g, mother), *his = order_of(p, g, father), *wishes = wishes_of(p, g, father);
  int32_t from = random_below(&g->random, p->tasks + 1), to = random_below(&g->random, p->tasks + 1), at = 0;
  if (from > to) {
    int32_t swapped = from;
    from = to;
    to = swapped;
  }
  memset(g->taken, 0, (size_t)p->tasks);
  memcpy(g->wishes, wishes_of(p, g, mother), (size_t)p->slots * sizeof *g->wishes);
  for (; at < from; at++) g->taken[g->order[at] = hers[at]] = 1;
  for (int32_t i = 0; at < to; i++) {
    int32_t task = his[i], slot = p->slots_from[task], need = p->slots_from[task + 1] - slot;
    if (g->taken[task]) continue;
    g->taken[g->order[at++] = task] = 1;
    memcpy(g->wishes + slot, wishes + slot, (size_t)need * sizeof *wishes);
  }
  for (int32_t i = from; at < p->tasks; i++)
    if (!g->taken[hers[i]]) g->order[at++] = hers[i];
}

static int is_among(int32_t task, const int32_t *list, int32_t from, int32_t to) {
  for (; from < to; from++)
    if (list[from] == task) return 1;
  return 0;
}

/* Move a task elsewhere among those it need not wait for or let go ahead. */
static void shift_task(const struct problem *p, struct population *g) {
  int32_t *order = g->order, at = random_below(&g->random, p->tasks), task = order[at], low = at, high = at;
  while (low > 0 && at - low < REACH &&
         !is_among(order[low - 1], p->before, p->before_from[task], p->before_from[task + 1]))
    low--;
  while (high < p->tasks - 1 && high - at < REACH &&
         !is_among(order[high + 1], p->after, p->after_from[task], p->after_from[task + 1]))
    high++;
  int32_t to = low + random_below(&g->random, high - low + 1);
  if (to < at)
    memmove(order + to + 1, order + to, (size_t)(at - to) * sizeof *order);
  else
    memmove(order + at, order + at + 1, (size_t)(to - at) * sizeof *order);
  order[to] = task;
}

/* Draw any crew for a task. */
static void draw_crew(const struct problem *p, int32_t task, uint64_t *random, int32_t *crew) {
  int32_t need = p->slots_from[task + 1] - p->slots_from[task], drawn = 0;
  int32_t from = p->able_from[p->kind[task]], to = p->able_from[p->kind[task] + 1];
  for (int32_t at = from; drawn < need; at++)
    if (random_below(random, to - at) < need - drawn) crew[drawn++] = p->able[at];
}

/* Let a task with a wanted crew be done by anybody, and one without have a wanted crew. */
static void change_wish(const struct problem *p, struct population *g) {
  int32_t task = random_below(&g->random, p->tasks), slot = p->slots_from[task];
  if (slot == p->slots_from[task + 1]) return;
  if (g->wishes[slot] == ANYBODY)
    draw_crew(p, task, &g->random, g->wishes + slot);
  else
    g->wishes[slot] = ANYBODY;
}

/* The best, or the worst, of a few individuals drawn by chance. */
static int32_t pick(struct population *g, int32_t rounds, int worst) {
  int32_t picked = random_below(&g->random, g->size);
  while (--rounds > 0) {
    int32_t other = random_below(&g->random, g->size);
    if (worst ? g->value[other] > g->value[picked] : g->value[other] < g->value[picked]) picked = other;
  }
  return picked;
}

/* Let a child take somebody's place unless that one is better, or its own schedule is there already. */
static void admit(const struct problem *p, struct population *g, int64_t value) {
  int32_t victim = pick(g, UNFIT_ROUNDS, 1);
  if (value > g->value[victim]) return;
  uint64_t mark = mark_schedule(p, g->trial.found);
  for (int32_t i = 0; i < g->size; i++)
    if (g->mark[i] == mark && g->value[i] == value) return;
  settle_in(p, g, victim, value, mark);
}

static void evolve(struct stream *s, const struct problem *p, struct population *g, int32_t rules,
                   const int32_t *ranks) {
  g->random = s->seed;
  for (int first = 1; !must_end(s); first = 0) {
    populate(s, p, g, rules, ranks, first);
    int64_t fittest = INT64_MAX;
    for (int32_t i = 0; i < g->size; i++) fittest = least(fittest, g->value[i]);
    for (int32_t stale = 0; stale < PATIENCE * g->size && !must_end(s); stale++) {
      cross(p, g, pick(g, FIT_ROUNDS, 0), random_below(&g->random, g->size));
      for (int32_t i = random_below(&g->random, MUTATIONS_MAX); i >= 0; i--) shift_task(p, g);
      if (random_below(&g->random, 100) < WISH_PERCENT) change_wish(p, g);
      int64_t value = try_child(s, p, g);
      if (value < fittest) fittest = value, stale = 0;
      admit(p, g, value);
    }
  }
}

#endif
