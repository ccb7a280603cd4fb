/* Simulated annealing and replica exchange for sparse models. Compiled once for each type of numbers.
 *
 * A model is rows of neighbours: those of i are other[start[i]] to other[start[i + 1] - 1], with their weights. */

#define FLIP_WORK 8     /* what a flip costs beside its neighbours, in visits of one variable */
#define REFRESH 4096    /* sweeps after which deltas of doubles are computed afresh */
#define SWEEPS_FIRST 64 /* of the first cooling; each next is twice as long */

struct NAME(rows) {
  int n;
  const int32_t *start, *other;
  const NUMBER *weight, *linear;
};

struct NAME(state) {
  NUMBER *delta;
  int8_t *values;
  SUM energy;
};

static inline void NAME(flip_sparse)(const struct NAME(rows) * m, struct NAME(state) * x, int k) {
  int8_t *restrict values = x->values;
  NUMBER *restrict delta = x->delta;
  int8_t old = values[k];
  x->energy += delta[k];
  delta[k] = -delta[k];
  values[k] = old ^ 1;
  for (int32_t at = m->start[k], end = m->start[k + 1]; at < end; at++) {
    int j = m->other[at];
    delta[j] += values[j] == old ? m->weight[at] : -m->weight[at];
  }
}

/* Compute deltas and energy afresh from `from`, which may be the state's own values, or `spare` itself. */
static void NAME(start_at)(const struct NAME(rows) * m, struct NAME(state) * x, const int8_t *from, int8_t *spare) {
  if (spare != from) memcpy(spare, from, (size_t)m->n);
  memset(x->values, 0, (size_t)m->n);
  memcpy(x->delta, m->linear, (size_t)m->n * sizeof *x->delta);
  x->energy = 0;
  for (int i = 0; i < m->n; i++)
    if (spare[i]) NAME(flip_sparse)(m, x, i);
}

/* Visit every variable once at one temperature and return the work done. */
static int64_t NAME(sweep)(const struct NAME(rows) * m, struct NAME(state) * x, float temperature, const float *table,
                           uint64_t *random) {
  int64_t work = m->n;
  for (int from = 0; from < m->n; from += TABLE_RUN) {
    const float *chance = table + random_below(random, TABLE_SIZE);
    int end = from + TABLE_RUN < m->n ? from + TABLE_RUN : m->n;
    for (int i = from; i < end; i++)
      if ((float)x->delta[i] < temperature * *chance++) {
        NAME(flip_sparse)(m, x, i);
        work += FLIP_WORK + m->start[i + 1] - m->start[i];
      }
  }
  return work;
}

static void NAME(note)(struct stream *s, const struct NAME(rows) * m, const struct NAME(state) * x) {
  if (is_better(s, (double)x->energy)) record_best(s, (double)x->energy, x->values, m->n);
}

/* Flip what improves until nothing does. */
static void NAME(descend)(struct stream *s, const struct NAME(rows) * m, struct NAME(state) * x) {
  for (int flipped = 1; flipped;) {
    flipped = 0;
    for (int i = 0; i < m->n; i++)
      if ((double)x->delta[i] < -s->tolerance) NAME(flip_sparse)(m, x, i), flipped = 1;
    s->work += m->n;
  }
  NAME(note)(s, m, x);
}

/* Cool from `hot` to `cold` in `sweeps` even steps. */
static void NAME(cool)(struct stream *s, const struct NAME(rows) * m, struct NAME(state) * x, double hot, double cold,
                       int64_t sweeps, const float *table, uint64_t *random, int8_t *spare) {
  for (int64_t k = 0; k < sweeps; k++) {
    double share = sweeps > 1 ? (double)k / (double)(sweeps - 1) : 1.0;
    s->work += NAME(sweep)(m, x, (float)(hot + (cold - hot) * share), table, random);
    if (INEXACT && k % REFRESH == REFRESH - 1) NAME(start_at)(m, x, x->values, spare);
    NAME(note)(s, m, x);
    if (__atomic_load_n(&s->stop, __ATOMIC_RELAXED) || s->best <= s->target) return;
  }
  NAME(descend)(s, m, x);
}

/* Anneal again and again from random states, ever longer; the last cooling takes half of all work or more, because one
 * long cooling ends lower than several short ones. The work so far says how much a sweep takes. */
EXPORT void NAME(search_anneal)(struct stream *s, int32_t n, const int32_t *start, const int32_t *other,
                                const NUMBER *weight, const NUMBER *linear, double hot, double cold) {
  struct NAME(rows) m = {n, start, other, weight, linear};
  struct NAME(state) x = {malloc((size_t)n * sizeof(NUMBER)), malloc((size_t)n), 0};
  float *table = malloc((TABLE_SIZE + TABLE_RUN) * sizeof *table);
  int8_t *spare = malloc((size_t)n);
  uint64_t random = s->seed;
  if (x.delta && x.values && table && spare) {
    fill_table(table, next_random(&random));
    int64_t per_sweep = 2 * (int64_t)n + start[n] / 8, sweeps = SWEEPS_FIRST;
    while (!must_end(s)) {
      int64_t left = (s->work_max - s->work) / per_sweep;
      if (left < 3 * sweeps) sweeps = left;
      if (sweeps < 1) sweeps = 1;
      random_values(&random, spare, n);
      NAME(start_at)(&m, &x, spare, spare);
      int64_t before = s->work;
      NAME(cool)(s, &m, &x, hot, cold, sweeps, table, &random, spare);
      per_sweep = (s->work - before) / sweeps + 1;
      sweeps *= 2;
    }
  } else
    s->ended = ENDED_NO_MEMORY;
  free(x.delta), free(x.values), free(table), free(spare);
}
