/* One-flip tabu search with path relinking, for dense models. Compiled once for each pair of types.
 *
 * NUMBER is the type of delta, COUPLING that of the matrix, MASK an integer as wide as NUMBER, NUMBER_MAX above every
 * delta, SUM the type of energies, NAME(x) the name of x for these types.
 * After Wang, Lu, Glover, Hao: Path relinking for unconstrained binary quadratic programming (EJOR 223, 2012). */

#define BLOCK 64      /* variables whose least deltas are kept together; a row of the matrix is a multiple of it */
#define ELITE 10      /* solutions to relink */
#define TENURE_MIN 5  /* flips for which a flipped variable stays put: max(TENURE_MIN, n / TENURE_SHARE) + chance */
#define TENURE_SHARE 100
#define TENURE_CHANCE 10
#define FLIP_WORK 512 /* what a flip costs beside its row, in updates of one delta */
#define PATIENCE 10 /* a run ends after PATIENCE * n flips without improvement */

struct NAME(tabu) {
  int n, row, blocks;
  const COUPLING *matrix;
  const NUMBER *linear;
  NUMBER *delta, *least, *least_free; /* the least delta of each block, and of its variables that are free to flip */
  MASK *side, *held_until;            /* side: -1 where x is 1, else 0 */
  SUM energy;
  int64_t flip;
  uint64_t random;
};

/* Add one row to the deltas of a block and return its minima: the inner loop of everything here. */
static inline void NAME(update_block)(NUMBER *restrict delta, const COUPLING *restrict row, const MASK *restrict side,
                                      const MASK *restrict held_until, MASK flipped, MASK now, NUMBER *restrict least,
                                      NUMBER *restrict least_free) {
  NUMBER low = NUMBER_MAX, low_free = NUMBER_MAX;
  for (int i = 0; i < BLOCK; i++) {
    NUMBER d = delta[i] + SIGNED(row[i], side[i] ^ flipped);
    NUMBER d_free = IF_FREE(d, held_until[i] > now);
    delta[i] = d;
    low = d < low ? d : low;
    low_free = d_free < low_free ? d_free : low_free;
  }
  *least = low;
  *least_free = low_free;
}

static void NAME(flip_dense)(struct NAME(tabu) * t, int k) {
  MASK flipped = t->side[k], now = (MASK)t->flip;
  const COUPLING *row = t->matrix + (size_t)k * t->row;
  t->energy += t->delta[k];
  t->delta[k] = -t->delta[k];
  t->side[k] = ~flipped;
  for (int b = 0, at = 0; b < t->blocks; b++, at += BLOCK)
    NAME(update_block)(t->delta + at, row + at, t->side + at, t->held_until + at, flipped, now, t->least + b,
                       t->least_free + b);
}

/* Free every variable and stand at `values`. Deltas are computed afresh, which also ends any drift of doubles. */
static void NAME(stand)(struct NAME(tabu) * t, const int8_t *values) {
  memset(t->side, 0, (size_t)t->row * sizeof *t->side);
  memset(t->held_until, 0, (size_t)t->row * sizeof *t->held_until);
  memcpy(t->delta, t->linear, (size_t)t->row * sizeof *t->delta);
  for (int i = t->n; i < t->row; i++) t->held_until[i] = MASK_MAX, t->delta[i] = NUMBER_MAX / 2;
  t->energy = 0;
  t->flip = 0;
  for (int b = 0; b < t->blocks; b++) {
    t->least[b] = t->least_free[b] = NUMBER_MAX;
    for (int i = b * BLOCK; i < (b + 1) * BLOCK && i < t->n; i++)
      if (t->delta[i] < t->least[b]) t->least[b] = t->least_free[b] = t->delta[i];
  }
  for (int i = 0; i < t->n; i++)
    if (values[i]) NAME(flip_dense)(t, i);
}

static void NAME(write_values)(const struct NAME(tabu) * t, int8_t *values) {
  for (int i = 0; i < t->n; i++) values[i] = (int8_t)-t->side[i];
}

/* Choose the best flip: of a free variable, or of any that would be the best of this run. Ties fall to chance. */
static int NAME(choose_flip)(struct NAME(tabu) * t, SUM best, uint64_t chance) {
  NUMBER low = NUMBER_MAX, low_free = NUMBER_MAX;
  for (int b = 0; b < t->blocks; b++) {
    if (t->least[b] < low) low = t->least[b];
    if (t->least_free[b] < low_free) low_free = t->least_free[b];
  }
  int any = low < low_free && t->energy + low < best;
  const NUMBER *least = any ? t->least : t->least_free;
  NUMBER wanted = any ? low : low_free;
  int b = (int)(((chance >> 32) * (uint64_t)t->blocks) >> 32);
  for (int seen = 0; least[b] != wanted && seen < t->blocks; seen++) b = b + 1 == t->blocks ? 0 : b + 1;
  for (int step = 0, lane = (int)(chance & (BLOCK - 1)); step < BLOCK; step++, lane = (lane + 1) & (BLOCK - 1)) {
    int i = b * BLOCK + lane;
    if (i < t->n && t->delta[i] == wanted && (any || t->held_until[i] <= (MASK)t->flip)) return i;
  }
  return (int)(((chance >> 32) * (uint64_t)t->n) >> 32); /* nothing is free */
}

/* Search on from where it stands until no run of flips improves; leave the best of this run in `found`. */
static SUM NAME(improve)(struct NAME(tabu) * t, struct stream *s, int8_t *found) {
  SUM best = t->energy, tolerance = (SUM)s->tolerance;
  int64_t last = t->flip, patience = (int64_t)PATIENCE * t->n;
  int tenure = t->n / TENURE_SHARE > TENURE_MIN ? t->n / TENURE_SHARE : TENURE_MIN;
  int saved = 1; /* `found` holds the best; else the best is where it stands */
  NAME(write_values)(t, found);
  if (is_better(s, (double)best)) record_best(s, (double)best, found, t->n);
  while (t->flip - last <= patience && t->flip < FLIP_MAX) {
    if ((t->flip & 1023) == 0 && must_end(s)) break;
    uint64_t chance = next_random(&t->random);
    int k = NAME(choose_flip)(t, best - tolerance, chance);
    if (!saved && t->energy <= best) NAME(write_values)(t, found), saved = 1;
    t->flip++;
    t->held_until[k] = (MASK)(t->flip + tenure + (int)(((chance & 0xFFFFFF) * TENURE_CHANCE) >> 24));
    NAME(flip_dense)(t, k);
    s->work += t->row + FLIP_WORK;
    if (t->energy < best - tolerance) {
      best = t->energy;
      last = t->flip;
      saved = 0;
      if (is_better(s, (double)best)) {
        NAME(write_values)(t, found);
        record_best(s, (double)best, found, t->n);
        saved = 1;
        if (s->best <= s->target) break;
      }
    }
  }
  if (!saved && t->energy <= best) NAME(write_values)(t, found);
  return best;
}

/* Walk from `from` towards `to`, each step the best one, and leave the best of the walk's middle in `child`. */
static int NAME(relink)(struct NAME(tabu) * t, struct stream *s, const int8_t *from, const int8_t *to, int *differ,
                        int8_t *child) {
  int count = 0;
  for (int i = 0; i < t->n; i++)
    if (from[i] != to[i]) differ[count++] = i;
  if (count < 4) return 0;
  NAME(stand)(t, from);
  int first = count / 3, last = count - first, found = 0;
  SUM best = 0;
  for (int step = 1; step <= last; step++) {
    int at = 0;
    for (int j = 1; j < count; j++)
      if (t->delta[differ[j]] < t->delta[differ[at]]) at = j;
    int k = differ[at];
    differ[at] = differ[--count];
    NAME(flip_dense)(t, k);
    s->work += t->row + FLIP_WORK;
    if (step >= first && (!found || t->energy < best)) {
      best = t->energy;
      found = 1;
      NAME(write_values)(t, child);
    }
  }
  return 1;
}

/* The elite: solutions, their energies, how many there are. */
struct NAME(elite) {
  int8_t *values;
  SUM energy[ELITE];
  int count;
};

/* Put a solution among the elite if it is none of them and there is room or a worse one; return whether it was put. */
static int NAME(admit)(struct NAME(elite) * e, const int8_t *values, SUM energy, int n) {
  int worst = 0;
  for (int p = 0; p < e->count; p++) {
    if (e->energy[p] == energy && memcmp(e->values + (size_t)p * n, values, (size_t)n) == 0) return 0;
    if (e->energy[p] > e->energy[worst]) worst = p;
  }
  if (e->count == ELITE && energy >= e->energy[worst]) return 0;
  int place = e->count < ELITE ? e->count++ : worst;
  memcpy(e->values + (size_t)place * n, values, (size_t)n);
  e->energy[place] = energy;
  return 1;
}

/* Fill the elite with improved random solutions, relink pairs until that stops helping; begin again, keeping the best. */
static void NAME(relink_elite)(struct NAME(tabu) * t, struct stream *s, struct NAME(elite) * e, int8_t *child,
                               int *differ) {
  for (int round = 0; !must_end(s); round++) {
    for (int tries = 0; e->count < ELITE && tries < 3 * ELITE && !must_end(s); tries++) {
      random_values(&t->random, child, t->n);
      NAME(stand)(t, child);
      s->work += (int64_t)t->n * t->row / 2;
      SUM energy = NAME(improve)(t, s, child);
      NAME(admit)(e, child, energy, t->n);
    }
    for (int stale = 0; e->count > 1 && stale < 2 * ELITE && !must_end(s); stale++) {
      int a = (int)random_below(&t->random, (uint32_t)e->count), b = (int)random_below(&t->random, (uint32_t)e->count - 1);
      b += b >= a;
      if (!NAME(relink)(t, s, e->values + (size_t)a * t->n, e->values + (size_t)b * t->n, differ, child)) continue;
      NAME(stand)(t, child);
      s->work += (int64_t)t->n * t->row;
      SUM energy = NAME(improve)(t, s, child);
      if (NAME(admit)(e, child, energy, t->n)) stale = -1;
    }
    int best = 0;
    for (int p = 1; p < e->count; p++)
      if (e->energy[p] < e->energy[best]) best = p;
    if (best) memcpy(e->values, e->values + (size_t)best * t->n, (size_t)t->n), e->energy[0] = e->energy[best];
    e->count = round % 3 < 2 && e->count > 0; /* every third time the best goes too, or it would attract for ever */
    s->work += t->row;
  }
}

/* Search; `matrix` has n rows of `row` couplings, `linear` has `row` entries, both zero beyond n, 64-byte aligned. */
EXPORT void NAME(search_dense)(struct stream *s, int32_t n, int32_t row, const COUPLING *matrix, const NUMBER *linear) {
  struct NAME(tabu) t = {.n = n, .row = row, .blocks = row / BLOCK, .matrix = matrix, .linear = linear, .random = s->seed};
  struct NAME(elite) e = {.count = 0};
  size_t bytes = (size_t)row * sizeof(NUMBER), minima = (size_t)t.blocks * sizeof(NUMBER);
  t.delta = aligned_alloc(64, bytes);
  t.side = aligned_alloc(64, bytes);
  t.held_until = aligned_alloc(64, bytes);
  t.least = malloc(minima);
  t.least_free = malloc(minima);
  e.values = malloc((size_t)ELITE * n);
  int8_t *child = malloc((size_t)n);
  int *differ = malloc((size_t)n * sizeof *differ);
  if (t.delta && t.side && t.held_until && t.least && t.least_free && e.values && child && differ)
    NAME(relink_elite)(&t, s, &e, child, differ);
  else
    s->ended = ENDED_NO_MEMORY;
  free(t.delta), free(t.side), free(t.held_until), free(t.least), free(t.least_free);
  free(e.values), free(child), free(differ);
}

#undef BLOCK
#undef ELITE
#undef TENURE_MIN
#undef TENURE_SHARE
#undef TENURE_CHANCE
#undef FLIP_WORK
#undef PATIENCE
