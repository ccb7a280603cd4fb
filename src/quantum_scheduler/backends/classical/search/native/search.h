/* What every kernel shares: one stream of search, chance, and the table of acceptance.
 *
 * A model is E(x) = sum linear[i] x[i] + sum weight x[i] x[j] over x in {0, 1}. A kernel keeps `delta[i]`, the change of
 * E if x[i] flipped. Work is counted in elementary updates of `delta`, so that it depends on model and seed only. */
#ifndef SEARCH_H
#define SEARCH_H

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

/* How a stream ended. */
enum { ENDED_WORK = 0, ENDED_SETTLED = 1, ENDED_TARGET = 2, ENDED_STOPPED = 3, ENDED_NO_MEMORY = 4 };

/* One stream: what is asked of it, and what it found. Laid out as `Stream` in kernels.py. */
struct stream {
  uint64_t seed;
  int64_t work_max;    /* end once so much work is done */
  int64_t settled_min; /* end after so much work, if the best is older than SETTLED_RATIO times the work it took */
  double target;       /* end at an energy this low */
  double tolerance;    /* energies that differ by no more are equal: 0 where they are integers */
  int32_t stop;        /* written from outside: end now */
  int32_t ended;
  int64_t work;
  int64_t work_at_best;
  double best;
  int8_t *values; /* of the best */
};

#define SETTLED_RATIO 50

static inline uint64_t next_random(uint64_t *state) { /* SplitMix64, by Sebastiano Vigna */
  uint64_t z = (*state += 0x9E3779B97F4A7C15u);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

static inline uint32_t random_below(uint64_t *state, uint32_t count) {
  return (uint32_t)(((next_random(state) >> 32) * count) >> 32);
}

static inline double random_unit(uint64_t *state) { return (double)(next_random(state) >> 11) * 0x1p-53; }

static void random_values(uint64_t *state, int8_t *values, int n) {
  for (int i = 0; i < n; i++) values[i] = (int8_t)(next_random(state) >> 63);
}

/* Whether the stream must end; says why. */
static int must_end(struct stream *s) {
  if (__atomic_load_n(&s->stop, __ATOMIC_RELAXED))
    s->ended = ENDED_STOPPED;
  else if (s->best <= s->target)
    s->ended = ENDED_TARGET;
  else if (s->work >= s->work_max)
    s->ended = ENDED_WORK;
  else if (s->work >= s->settled_min && s->work / SETTLED_RATIO >= s->work_at_best)
    s->ended = ENDED_SETTLED;
  else
    return 0;
  return 1;
}

/* Whether an energy would be a new best. */
static inline int is_better(const struct stream *s, double energy) { return energy < s->best - s->tolerance; }

static void record_best(struct stream *s, double energy, const int8_t *values, int n) {
  memcpy(s->values, values, (size_t)n);
  s->work_at_best = s->work;
  __atomic_store(&s->best, &energy, __ATOMIC_RELAXED);
}

/* -log u for u spread evenly over (0, 1), shuffled. A flip is accepted at temperature T if its delta < -T log u. */
#define TABLE_SIZE 8192
#define TABLE_RUN 1024 /* read so many in a row before choosing another place in the table */

static void fill_table(float *table, uint64_t seed) {
  for (int i = 0; i < TABLE_SIZE; i++) table[i] = (float)-log((i + 0.5) / TABLE_SIZE);
  for (int i = TABLE_SIZE - 1; i > 0; i--) {
    int j = (int)random_below(&seed, (uint32_t)i + 1);
    float swapped = table[i];
    table[i] = table[j];
    table[j] = swapped;
  }
  memcpy(table + TABLE_SIZE, table, TABLE_RUN * sizeof *table);
}

#define JOIN_(name, type) name##_##type
#define JOIN(name, type) JOIN_(name, type)

#endif
