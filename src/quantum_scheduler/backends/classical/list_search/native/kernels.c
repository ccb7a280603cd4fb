/* The compiled searches over schedules. */
#include "repair.h"

/* Place the tasks in one order that keeps to the dependencies, and return what the schedule is worth. */
EXPORT int64_t place_order(const struct problem *p, const int32_t *order, const int32_t *wanted, int64_t *start,
                           int32_t *crew) {
  struct bench b;
  struct schedule s = {start, crew};
  int64_t value = NO_MEMORY;
  if (open_bench(p, &b)) {
    int32_t placed = place_all(p, &b, s, order, wanted);
    value = placed < p->tasks ? UNPLACED + p->tasks - placed : worth(p, s);
  }
  close_bench(&b);
  return value;
}

/* Evolve orders, from `rules` rankings of the tasks and from the stream's schedule. */
EXPORT void evolve_orders(struct stream *s, const struct problem *p, int32_t rules, const int32_t *ranks) {
  struct population g;
  if (open_population(p, &g))
    evolve(s, p, &g, rules, ranks);
  else
    s->ended = ENDED_NO_MEMORY;
  close_population(&g);
}

/* Take the stream's schedule apart and put it together again, a few tasks at a time. */
EXPORT void repair_schedule(struct stream *s, const struct problem *p) {
  struct repair r;
  if (open_repair(p, &r))
    repair(s, p, &r);
  else
    s->ended = ENDED_NO_MEMORY;
  close_repair(&r);
}
