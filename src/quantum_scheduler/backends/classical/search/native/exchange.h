/* Replica exchange, with cluster flips for models like a torus. Compiled once for each type of numbers.
 *
 * One replica at every temperature, or two to flip clusters of. Where the two differ, the differing variables fall into clusters that no weight
 * joins; flipping one cluster in both leaves the sum of their energies as it was, and crosses any barrier. Worth it
 * only where clusters stay small. After Zhu, Ochoa, Katzgraber (PRL 115, 2015) and Houdayer (EPJ B 22, 2001). */

#define TEMPERATURES 12

static void NAME(swap_states)(struct NAME(state) * a, struct NAME(state) * b) {
  struct NAME(state) c = *a;
  *a = *b;
  *b = c;
}

/* Flip one cluster of the variables in which the two differ, in both; return the work. */
static int64_t NAME(flip_cluster)(const struct NAME(rows) * m, struct NAME(state) * a, struct NAME(state) * b,
                                  uint64_t *random, int32_t *queue) {
  int seed = (int)random_below(random, (uint32_t)m->n), looked = 0;
  while (looked < m->n && a->values[seed] == b->values[seed]) looked++, seed = seed + 1 == m->n ? 0 : seed + 1;
  if (looked == m->n) return m->n;
  /* A variable flipped in `a` alone agrees: it is not met again. When all are, they are flipped in `b`. */
  int count = 1;
  int64_t work = looked;
  queue[0] = seed;
  NAME(flip_sparse)(m, a, seed);
  for (int done = 0; done < count; done++) {
    int k = queue[done];
    for (int32_t at = m->start[k]; at < m->start[k + 1]; at++) {
      int j = m->other[at];
      if (a->values[j] != b->values[j]) NAME(flip_sparse)(m, a, j), queue[count++] = j;
    }
    work += 3 * (FLIP_WORK + m->start[k + 1] - m->start[k]);
  }
  for (int done = 0; done < count; done++) NAME(flip_sparse)(m, b, queue[done]);
  return work;
}

/* Let neighbours in temperature change places by the rule of Metropolis, the coldest first. */
static void NAME(exchange)(struct NAME(state) * x, const double *temperature, uint64_t *random) {
  for (int t = 0; t + 1 < TEMPERATURES; t++) {
    double log_odds = (1.0 / temperature[t] - 1.0 / temperature[t + 1]) * (double)(x[t].energy - x[t + 1].energy);
    if (log_odds >= 0 || random_unit(random) < exp(log_odds)) NAME(swap_states)(&x[t], &x[t + 1]);
  }
}

static void NAME(temper)(struct stream *s, const struct NAME(rows) * m, struct NAME(state) * x, double hot, double cold,
                         int clusters, const float *table, uint64_t *random, int8_t *spare, int32_t *queue) {
  double temperature[TEMPERATURES];
  for (int t = 0; t < TEMPERATURES; t++) temperature[t] = cold * pow(hot / cold, (double)t / (TEMPERATURES - 1));
  int replicas = clusters ? 2 * TEMPERATURES : TEMPERATURES;
  for (int r = 0; r < replicas; r++) {
    random_values(random, spare, m->n);
    NAME(start_at)(m, &x[r], spare, spare);
  }
  for (int64_t round = 1; !must_end(s); round++) {
    for (int r = 0; r < replicas && s->best > s->target; r++) {
      s->work += NAME(sweep)(m, &x[r], (float)temperature[r % TEMPERATURES], table, random);
      if (INEXACT && round % REFRESH == 0) NAME(start_at)(m, &x[r], x[r].values, spare);
      NAME(note)(s, m, &x[r]);
    }
    for (int t = 0; t < clusters * TEMPERATURES; t++) {
      s->work += NAME(flip_cluster)(m, &x[t], &x[t + TEMPERATURES], random, queue);
      NAME(note)(s, m, &x[t]);
      NAME(note)(s, m, &x[t + TEMPERATURES]);
    }
    for (int r = 0; r < replicas; r += TEMPERATURES) NAME(exchange)(x + r, temperature, random);
  }
}

/* Search with replicas at temperatures between `hot` and `cold`, and flip clusters if `clusters` is 1. */
EXPORT void NAME(search_exchange)(struct stream *s, int32_t n, const int32_t *start, const int32_t *other,
                                  const NUMBER *weight, const NUMBER *linear, double hot, double cold,
                                  int32_t clusters) {
  struct NAME(rows) m = {n, start, other, weight, linear};
  struct NAME(state) x[2 * TEMPERATURES];
  NUMBER *delta = malloc((size_t)n * 2 * TEMPERATURES * sizeof *delta);
  int8_t *values = malloc((size_t)n * 2 * TEMPERATURES), *spare = malloc((size_t)n);
  int32_t *queue = malloc((size_t)n * sizeof *queue);
  float *table = malloc((TABLE_SIZE + TABLE_RUN) * sizeof *table);
  uint64_t random = s->seed;
  if (delta && values && spare && queue && table) {
    for (int r = 0; r < 2 * TEMPERATURES; r++)
      x[r] = (struct NAME(state)){delta + (size_t)r * n, values + (size_t)r * n, 0};
    fill_table(table, next_random(&random));
    NAME(temper)(s, &m, x, hot, cold, clusters, table, &random, spare, queue);
  } else
    s->ended = ENDED_NO_MEMORY;
  free(delta), free(values), free(spare), free(queue), free(table);
}

#undef TEMPERATURES
#undef FLIP_WORK
#undef REFRESH
#undef SWEEPS_FIRST
