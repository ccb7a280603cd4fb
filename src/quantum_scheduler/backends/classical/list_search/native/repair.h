/* Ruin and recreate: take a few tasks that stand near each other out of a schedule, put them back in another order.
 *
 * Accepted by simulated annealing (Schrimpf, Schneider, Stamm-Wilbrandt, Dueck, J. Comput. Phys. 159, 2000). A task put
 * back may push out tasks that wait for it, which then are put back, too. Where the makespan counts, every task is as
 * good as late if it ends after `aim`, just below the best makespan: without this most moves would change nothing. */
#ifndef REPAIR_H
#define REPAIR_H

#include "evolve.h"

#define RUIN_MIN 2
#define RUIN_MAX 10
#define TAIL_MAX 30  /* tasks of a few agents in a row */
#define PUSHED_MAX 10
#define REMOVED_MAX (TAIL_MAX + PUSHED_MAX)
#define CYCLE_MOVES 10000 /* for each task: there is time for a second annealing after so many */
#define SAMPLES 500       /* moves to look at, for the scale of temperatures */
#define HOT 0.1           /* the first and last temperature, as a share of the mean change for the worse */
#define COLD 0.002
#define MISSED_WEIGHT 100.0 /* of time after a hard deadline, times the largest other weight */
#define MOVE_WORK 280       /* what a move costs beside the timelines, in steps looked at */
#define TAIL_PERCENT 30     /* of moves: take out tasks of a few agents; */
#define CHAIN_PERCENT 50    /* else, those before the first that hold it up; */
#define NEAR_PERCENT 25     /* else, whatever stands near, not only what the same agents could do */
#define FREE_PERCENT 3      /* of tasks put back: with a crew drawn by chance */
#define PULL_PERCENT 50     /* of moves: predecessors go ahead with what waits for them; else that goes back with them */

/* `now` is the schedule. Where a move touched it, `old` is what it was before. `order` holds the tasks by their starts
 * as they were some time ago, `place` where each stands in it; `able` says for kinds and agents who can do what. */
struct repair {
  struct bench bench;
  struct schedule now, old;
  int32_t *order, *place, *room, *wanted, removed[REMOVED_MAX], touched[REMOVED_MAX], count, touched_count;
  int64_t *keys, value, missed, excess, makespan, aim, gone, spread;
  uint8_t *out, *able, *is_touched;
  double missed_weight;
  uint64_t random;
};

static void close_repair(struct repair *r) {
  close_bench(&r->bench), close_schedule(&r->now), close_schedule(&r->old);
  free(r->order), free(r->place), free(r->room), free(r->wanted), free(r->keys);
  free(r->out), free(r->able), free(r->is_touched);
}

static int open_repair(const struct problem *p, struct repair *r) {
  size_t tasks = (size_t)p->tasks, agents = (size_t)p->agents;
  int opened = open_bench(p, &r->bench) & open_schedule(p, &r->now) & open_schedule(p, &r->old);
  r->order = malloc(tasks * sizeof *r->order);
  r->place = malloc(tasks * sizeof *r->place);
  r->room = malloc(tasks * sizeof *r->room);
  r->wanted = malloc((size_t)p->slots * sizeof *r->wanted + 1);
  r->keys = malloc(tasks * sizeof *r->keys);
  r->out = calloc(tasks, 1);
  r->is_touched = calloc(tasks, 1);
  r->able = calloc((size_t)p->kinds * agents + 1, 1);
  if (!(opened && r->order && r->place && r->room && r->wanted && r->keys && r->out && r->is_touched && r->able))
    return 0;
  for (int32_t kind = 0; kind < p->kinds; kind++)
    for (int32_t at = p->able_from[kind]; at < p->able_from[kind + 1]; at++)
      r->able[(size_t)kind * agents + (size_t)p->able[at]] = 1;
  return 1;
}

static inline int64_t end_of(const struct problem *p, struct schedule s, int32_t task) {
  return s.start[task] + p->duration[task];
}

/* Add to what the schedule is worth the part of one task, or with sign -1 take it away. */
static inline void count_task(const struct problem *p, struct repair *r, int32_t task, int64_t sign) {
  int64_t end = end_of(p, r->now, task), value = 0;
  if (end > p->due[task]) value = p->late_weight[task] * (end - p->due[task]);
  for (int32_t slot = p->slots_from[task]; slot < p->slots_from[task + 1]; slot++)
    value += p->price[r->now.crew[slot]] * p->duration[task];
  r->value += sign * value;
  if (end > p->latest[task]) r->missed += sign * (end - p->latest[task]);
  if (end > r->aim) r->excess += sign * (end - r->aim);
}

static inline double cost_of(const struct problem *p, const struct repair *r) {
  return (double)r->value + (double)p->makespan_weight * (double)r->excess + r->missed_weight * (double)r->missed;
}

static int64_t makespan_of(const struct problem *p, struct schedule s) {
  int64_t makespan = 0;
  for (int32_t task = 0; task < p->tasks; task++) makespan = most(makespan, end_of(p, s, task));
  return makespan;
}

/* Aim below the makespan of the present schedule, and count everything anew. */
static void take_aim(const struct problem *p, struct repair *r) {
  r->makespan = makespan_of(p, r->now);
  r->aim = p->makespan_weight ? r->makespan - 1 : NEVER;
  r->value = r->missed = r->excess = 0;
  for (int32_t task = 0; task < p->tasks; task++) count_task(p, r, task, 1);
}

static void stand_at(const struct problem *p, struct repair *r, struct schedule s) {
  copy_schedule(p, r->now, s);
  clear_lines(p, &r->bench.lines);
  for (int32_t task = 0; task < p->tasks; task++) hold(p, &r->bench.lines, r->now, task, 1);
  memcpy(r->order, p->sequence, (size_t)p->tasks * sizeof *r->order);
  take_aim(p, r);
}

static void remove_task(const struct problem *p, struct repair *r, int32_t task) {
  int32_t slot = p->slots_from[task], need = p->slots_from[task + 1] - slot;
  if (!r->is_touched[task]) {
    r->is_touched[task] = 1;
    r->touched[r->touched_count++] = task;
    r->old.start[task] = r->now.start[task];
    memcpy(r->old.crew + slot, r->now.crew + slot, (size_t)need * sizeof *r->old.crew);
  }
  r->out[task] = 1;
  r->removed[r->count++] = task;
  r->gone = most(r->gone, end_of(p, r->now, task));
  count_task(p, r, task, -1);
  hold(p, &r->bench.lines, r->now, task, -1);
}

/* Whether the crew of one of two tasks could do the other, too. */
static int share_agents(const struct problem *p, const struct repair *r, int32_t a, int32_t b) {
  int32_t first = p->slots_from[a], second = p->slots_from[b];
  if (first == p->slots_from[a + 1] || second == p->slots_from[b + 1]) return 1;
  return r->able[(size_t)p->kind[a] * (size_t)p->agents + (size_t)r->now.crew[second]] ||
         r->able[(size_t)p->kind[b] * (size_t)p->agents + (size_t)r->now.crew[first]];
}

static int costs_something(const struct problem *p, const struct repair *r, int32_t task) {
  int64_t end = end_of(p, r->now, task);
  if (end > p->latest[task] || end > r->aim || (end > p->due[task] && p->late_weight[task])) return 1;
  return p->slots_from[task] < p->slots_from[task + 1] && p->price[r->now.crew[p->slots_from[task]]] > 0;
}

/* Any task, but rather one that costs something. */
static int32_t choose_seed(const struct problem *p, struct repair *r) {
  int32_t seed = random_below(&r->random, p->tasks);
  for (int32_t tries = 0; tries < 20 && !costs_something(p, r, seed); tries++)
    seed = random_below(&r->random, p->tasks);
  return seed;
}

/* Take out a task and what stands near it in the rows of up to three agents who could do it. */
static void remove_tail(const struct problem *p, struct repair *r, int32_t seed) {
  int32_t kind = p->kind[seed], able = p->able_from[kind + 1] - p->able_from[kind], agents[3];
  int32_t size = 2 + random_below(&r->random, TAIL_MAX - 1), many = 1 + random_below(&r->random, 3);
  agents[0] = r->now.crew[p->slots_from[seed]];
  for (int32_t i = 1; i < many; i++) agents[i] = p->able[p->able_from[kind] + random_below(&r->random, able)];
  int32_t at = (int32_t)most(0, r->place[seed] - random_below(&r->random, 12 * many + 1));
  remove_task(p, r, seed);
  for (int32_t looks = 30 * size; looks > 0 && at < p->tasks && r->count < size; looks--, at++) {
    int32_t task = r->order[at], taken = 0;
    if (r->out[task] || p->slots_from[task] == p->slots_from[task + 1]) continue;
    for (int32_t i = 0; i < many; i++) taken |= r->now.crew[p->slots_from[task]] == agents[i];
    if (taken) remove_task(p, r, task);
  }
}

/* Take out a task and those before it of which each holds up the next, up to `size`; return the first of them. */
static int32_t remove_chain(const struct problem *p, struct repair *r, int32_t task, int32_t size) {
  while (r->count < size) {
    int32_t blocker = -1;
    for (int32_t at = p->before_from[task]; at < p->before_from[task + 1]; at++)
      if (end_of(p, r->now, p->before[at]) == r->now.start[task]) blocker = p->before[at];
    if (blocker < 0) break;
    remove_task(p, r, task = blocker);
  }
  return task;
}

/* Take out tasks that start about when this one does, up to `size`. */
static void remove_near(const struct problem *p, struct repair *r, int32_t task, int32_t size, int any) {
  int32_t left = r->place[task] - 1, right = r->place[task] + 1;
  for (int32_t looks = 30 * size; r->count < size && looks > 0 && (left >= 0 || right < p->tasks); looks--) {
    int to_left = right == p->tasks || (left >= 0 && random_below(&r->random, 2));
    int32_t other = to_left ? r->order[left--] : r->order[right++];
    if (!r->out[other] && random_below(&r->random, 5) && (any || share_agents(p, r, task, other)))
      remove_task(p, r, other);
  }
}

/* Returns whether it took a tail. */
static int ruin(const struct problem *p, struct repair *r) {
  int32_t size = RUIN_MIN + random_below(&r->random, RUIN_MAX - RUIN_MIN + 1), seed = choose_seed(p, r);
  if (p->slots_from[seed] < p->slots_from[seed + 1] && random_below(&r->random, 100) < TAIL_PERCENT) {
    remove_tail(p, r, seed);
    return 1;
  }
  int any = random_below(&r->random, 100) < NEAR_PERCENT;
  remove_task(p, r, seed);
  if (random_below(&r->random, 100) < CHAIN_PERCENT) seed = remove_chain(p, r, seed, size);
  remove_near(p, r, seed, size, any);
  return 0;
}

/* Sort the removed tasks by their starts, with their keys to match. */
static void sort_by_start(const struct problem *p, struct repair *r) {
  for (int32_t i = 0; i < r->count; i++) {
    int32_t task = r->removed[i];
    r->keys[task] = 2 * r->old.start[task] + (p->duration[task] > 0);
  }
  sort_tasks(r->removed, r->count, r->keys, r->room);
}

/* Give the removed tasks keys to go by: chance, start, due time, or weight for each time unit. */
static void draw_keys(const struct problem *p, struct repair *r) {
  int32_t rule = random_below(&r->random, 4), width = (int32_t)least(1 + r->spread, 1 << 30);
  for (int32_t i = 0; i < r->count; i++) {
    int32_t task = r->removed[i];
    int64_t shake = random_below(&r->random, width);
    if (rule == 0)
      r->keys[task] = shake;
    else if (rule == 1)
      r->keys[task] = r->old.start[task] + shake;
    else if (rule == 2)
      r->keys[task] = p->due[task] + shake;
    else
      r->keys[task] = -(int64_t)(1024.0 * (double)p->late_weight[task] / (double)most(1, p->duration[task]));
  }
}

/* Move one or two of the removed tasks ahead, or sometimes back, in the order by their starts. */
static void move_keys(struct repair *r, int32_t seed) {
  int64_t width = 1 + r->spread;
  for (int32_t i = 1 + random_below(&r->random, 2); i > 0; i--) {
    r->keys[seed] += 2 * (random_below(&r->random, (int32_t)least(6 * width, 1 << 30)) - 4 * width);
    seed = r->removed[random_below(&r->random, r->count)];
  }
}

/* Choose the order in which the removed tasks, of which `seed` was the first, are put back. */
static void choose_order(const struct problem *p, struct repair *r, int32_t seed, int tail) {
  sort_by_start(p, r);
  if (tail && random_below(&r->random, 4))
    move_keys(r, seed);
  else
    draw_keys(p, r);
  if (random_below(&r->random, 100) < PULL_PERCENT) {
    for (int32_t i = r->count; i-- > 0;)
      for (int32_t task = r->removed[i], at = p->before_from[task]; at < p->before_from[task + 1]; at++)
        if (r->out[p->before[at]]) r->keys[p->before[at]] = least(r->keys[p->before[at]], r->keys[task]);
  } else {
    for (int32_t i = 0; i < r->count; i++)
      for (int32_t task = r->removed[i], at = p->before_from[task]; at < p->before_from[task + 1]; at++)
        if (r->out[p->before[at]]) r->keys[task] = most(r->keys[p->before[at]], r->keys[task]);
  }
  sort_tasks(r->removed, r->count, r->keys, r->room);
}

/* Put the removed tasks back, and those that they push out. Returns whether all found a place within the cost. */
static int recreate(const struct problem *p, struct repair *r, double cost_max) {
  int32_t count_max = r->count + PUSHED_MAX;
  for (int32_t i = 0; i < r->count; i++) {
    int32_t task = r->removed[i], slot = p->slots_from[task];
    if (!r->out[task]) continue;
    if (slot < p->slots_from[task + 1]) {
      r->wanted[slot] = ANYBODY;
      if (random_below(&r->random, 100) < FREE_PERCENT) draw_crew(p, task, &r->random, r->wanted + slot);
    }
    int64_t end = place_task(p, &r->bench, r->now, task, r->wanted, NEVER - 1);
    if (end == NEVER) return 0;
    r->out[task] = 0;
    r->gone = most(r->gone, end);
    count_task(p, r, task, 1);
    if (cost_of(p, r) > cost_max) return 0;
    for (int32_t at = p->after_from[task]; at < p->after_from[task + 1]; at++) {
      int32_t other = p->after[at];
      if (r->out[other] || r->now.start[other] >= end) continue;
      if (r->count == count_max) return 0;
      remove_task(p, r, other);
    }
  }
  return 1;
}

static void undo(const struct problem *p, struct repair *r) {
  for (int32_t i = 0; i < r->touched_count; i++)
    if (!r->out[r->touched[i]]) hold(p, &r->bench.lines, r->now, r->touched[i], -1);
  for (int32_t i = 0; i < r->touched_count; i++) {
    int32_t task = r->touched[i], slot = p->slots_from[task], need = p->slots_from[task + 1] - slot;
    r->out[task] = 0;
    r->now.start[task] = r->old.start[task];
    memcpy(r->now.crew + slot, r->old.crew + slot, (size_t)need * sizeof *r->now.crew);
    hold(p, &r->bench.lines, r->now, task, 1);
  }
}

/* Try one move and keep it where it costs no more than `temperature` allows, or never where that is negative. Returns
 * the change of cost, or DBL_MAX where it was given up. */
static double move(const struct problem *p, struct repair *r, double temperature) {
  int64_t value = r->value, missed = r->missed, excess = r->excess;
  double before = cost_of(p, r), change = DBL_MAX;
  double cost_max = temperature < 0 ? DBL_MAX : before - temperature * log(random_unit(&r->random));
  r->count = r->touched_count = 0;
  r->gone = 0;
  int tail = ruin(p, r);
  choose_order(p, r, r->removed[0], tail);
  r->bench.lines.work += MOVE_WORK;
  int whole = recreate(p, r, cost_max);
  if (whole) change = cost_of(p, r) - before;
  for (int32_t i = 0; i < r->touched_count; i++) r->is_touched[r->touched[i]] = 0;
  if (whole && temperature >= 0) {
    if (p->makespan_weight && r->gone >= r->makespan) {
      r->makespan = makespan_of(p, r->now);
      r->bench.lines.work += p->tasks / 4;
    }
  } else {
    undo(p, r);
    r->value = value, r->missed = missed, r->excess = excess;
  }
  return change;
}

/* The mean change for the worse of moves from here, none of them made. */
static double measure_scale(const struct problem *p, struct repair *r) {
  double sum = 0;
  int32_t worse = 0;
  for (int32_t i = 0; i < SAMPLES; i++) {
    double change = move(p, r, -1.0);
    if (change > 0 && change < DBL_MAX) sum += change, worse++;
  }
  return worse ? sum / worse : 1.0;
}

static void note_order(const struct problem *p, struct repair *r) {
  sort_tasks(r->order, p->tasks, r->now.start, r->room);
  for (int32_t at = 0; at < p->tasks; at++) r->place[r->order[at]] = at;
  r->bench.lines.work += 4 * p->tasks;
}

static int64_t worth_now(const struct problem *p, const struct repair *r) {
  return r->missed ? MISSED + r->missed : r->value + p->makespan_weight * r->makespan;
}

/* Cool down once from the best schedule, over the work up to `work_max`. */
static void anneal(struct stream *s, const struct problem *p, struct repair *r, int64_t work_max) {
  int64_t begin = s->work, from = r->bench.lines.work;
  stand_at(p, r, s->schedule);
  note_order(p, r);
  double hot = HOT * measure_scale(p, r);
  for (int64_t moves = 1; !must_end(s) && s->work < work_max; moves++) {
    if (moves % p->tasks == 0) note_order(p, r);
    double share = (double)(s->work - begin) / (double)(work_max - begin);
    double change = move(p, r, hot * pow(COLD / HOT, share));
    s->work = begin + r->bench.lines.work - from;
    if (change < 0 && worth_now(p, r) < s->best) {
      record_best(s, p, worth_now(p, r), r->now);
      if (p->makespan_weight) take_aim(p, r);
    }
  }
}

/* Anneal, more than once where there is work for more than CYCLE_MOVES moves of each task. */
static void repair(struct stream *s, const struct problem *p, struct repair *r) {
  if (s->best >= UNPLACED) return;
  int64_t largest = most(1, p->makespan_weight), total = 0;
  for (int32_t task = 0; task < p->tasks; task++) {
    largest = most(largest, p->late_weight[task]);
    total += p->duration[task];
  }
  for (int32_t agent = 0; agent < p->agents; agent++) largest = most(largest, p->price[agent]);
  r->random = s->seed;
  r->missed_weight = MISSED_WEIGHT * (double)largest;
  r->spread = 2 * total / p->tasks;
  int64_t cycle = (int64_t)CYCLE_MOVES * 2 * MOVE_WORK * p->tasks, left = s->work_max - s->work;
  for (int64_t cycles = 1 + left / cycle; cycles > 0 && !must_end(s); cycles--)
    anneal(s, p, r, s->work + (s->work_max - s->work) / cycles);
}

#endif
