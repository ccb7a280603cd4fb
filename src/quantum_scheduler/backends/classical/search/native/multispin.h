/* Simulated annealing of many replicas at once, for sparse models of small integers.
 *
 * One bit of a word is one replica's value of a variable, so that a handful of logical operations visits a variable in
 * all of them. Its neighbours that are 1 are counted in binary, one word to a digit; whether a replica flips is a
 * comparison of that count with two bounds, which follow from a random threshold that the replicas share. After
 * Isakov, Zintchenko, Ronnow, Troyer: Optimised simulated annealing for Ising spin glasses (CPC 192, 2015). */

#define LANES 4 /* of 64 replicas: with fewer the best is worse, and no sweep is quicker */
#define REPLICAS (64 * LANES)
#define DIGITS_MAX 31
#define ENTRIES_EACH 4   /* entries are counted by fours; what is missing of the last four is a variable that is 0 */
#define VISIT_WORK 9     /* what a visit costs beside its entries */
#define SWEEPS_FIRST 128 /* of the first cooling; each next is twice as long */
#define MEASURED_SHARE 4 /* of a cooling's work is what finding its best replicas may take */
#define CROSSED 16       /* of the replicas, the best, which take over from each other what improves them */
#define BASES 4          /* so many of them do */

/* As wide as the processor's registers, with the same bits in the same places whatever their width. */
#ifdef __AVX2__
typedef uint64_t word __attribute__((vector_size(32)));
#else
typedef uint64_t word __attribute__((vector_size(16)));
#endif
#define PIECES ((int)(8 * LANES / sizeof(word)))

/* Rows of entries: a variable's word, or at `n + 1` and beyond a complement, for each unit of the neighbours' weights.
 * The change of energy if i became 1 is unit * (count + constant[i]). */
struct packed {
  int n, negative;
  float unit;
  int32_t *start, *entry;
  float *constant;
  int8_t *digits;
  word *x;
};

/* Count three words by two digits: `a + b + c = 2 * high + low`. */
#define ADD(high, low, a, b, c)         \
  do {                                  \
    word a_ = (a), b_ = (b), c_ = (c), d_ = a_ ^ b_; \
    high = (a_ & b_) | (d_ & c_);       \
    low = d_ ^ c_;                      \
  } while (0)

/* Where counts are no more than `most`, of which there are `size` digits. */
static inline word at_most(const word *digit, int size, int most) {
  word none = {0}, fits = none;
  if (most < 0) return fits;
  if (most >> size) return ~fits;
  fits = ~fits;
  for (int k = 0; k < size; k++) {
    word bound = none - (uint64_t)(most >> k & 1);
    fits = (fits & (bound | ~digit[k])) | (bound & ~digit[k]);
  }
  return fits;
}

/* Visit a variable in all replicas. */
static inline void visit(const struct packed *m, int i, float threshold) {
  int size = m->digits[i], rise = (int)floorf(threshold - m->constant[i]), fall = (int)ceilf(-threshold - m->constant[i]);
  for (int piece = 0; piece < PIECES; piece++) {
    word none = {0}, digit[DIGITS_MAX];
    for (int k = 0; k < size; k++) digit[k] = none;
    word ones = none, twos = none;
    for (int32_t at = m->start[i]; at < m->start[i + 1]; at += ENTRIES_EACH) {
      word one, other, carry;
#define ENTRY(k) m->x[(size_t)m->entry[at + (k)] * PIECES + piece]
      ADD(one, ones, ones, ENTRY(0), ENTRY(1));
      ADD(other, ones, ones, ENTRY(2), ENTRY(3));
#undef ENTRY
      ADD(carry, twos, twos, one, other);
      for (int k = 2; k < size; k++) {
        word both = digit[k] & carry;
        digit[k] ^= carry;
        carry = both;
      }
    }
    digit[0] = ones, digit[1] = twos;
    word *x = m->x + (size_t)i * PIECES + piece, now = *x;
    now ^= (~now & at_most(digit, size, rise)) | (now & ~at_most(digit, size, fall - 1));
    *x = now;
    if (m->negative) m->x[(size_t)(m->n + 1 + i) * PIECES + piece] = ~now;
  }
}

static void sweep_packed(const struct packed *m, float temperature, const float *table, uint64_t *random) {
  for (int from = 0; from < m->n; from += TABLE_RUN) {
    const float *chance = table + random_below(random, TABLE_SIZE);
    int end = from + TABLE_RUN < m->n ? from + TABLE_RUN : m->n;
    for (int i = from; i < end; i++) visit(m, i, temperature / m->unit * *chance++);
  }
}

static int32_t divide(int32_t a, int32_t b) {
  while (b) {
    int32_t c = a % b;
    a = b, b = c;
  }
  return a;
}

/* Lay out the rows; return whether there was the room. */
static int pack(struct packed *p, const struct NAME(rows) * m) {
  int32_t unit = 0;
  int64_t units = 0;
  for (int32_t at = 0; at < m->start[m->n]; at++) unit = divide(abs(m->weight[at]), unit), p->negative |= m->weight[at] < 0;
  if (!unit) unit = 1;
  for (int32_t at = 0; at < m->start[m->n]; at++) units += abs(m->weight[at]) / unit;
  size_t words = (size_t)(m->n + 1) * (p->negative ? 2 : 1) * PIECES;
  p->n = m->n;
  p->unit = (float)unit;
  p->start = malloc(((size_t)m->n + 1) * sizeof *p->start);
  p->entry = malloc(((size_t)units + (size_t)(ENTRIES_EACH - 1) * (size_t)m->n + 1) * sizeof *p->entry);
  p->constant = malloc((size_t)m->n * sizeof *p->constant);
  p->digits = malloc((size_t)m->n);
  p->x = aligned_alloc(64, (words * sizeof *p->x + 63) / 64 * 64);
  if (!p->start || !p->entry || !p->constant || !p->digits || !p->x) return 0;
  memset(p->x, 0, words * sizeof *p->x);
  int32_t count = 0;
  for (int i = 0; i < m->n; i++) {
    double constant = m->linear[i];
    p->start[i] = count;
    for (int32_t at = m->start[i]; at < m->start[i + 1]; at++) {
      int negative = m->weight[at] < 0;
      if (negative) constant += m->weight[at];
      for (int32_t k = abs(m->weight[at]) / unit; k > 0; k--) p->entry[count++] = m->other[at] + (negative ? m->n + 1 : 0);
    }
    p->constant[i] = (float)(constant / unit);
    for (p->digits[i] = 2; (count - p->start[i]) >> p->digits[i];) p->digits[i]++;
    while ((count - p->start[i]) % ENTRIES_EACH) p->entry[count++] = m->n;
  }
  p->start[m->n] = count;
  return 1;
}

static uint64_t *lane_of(const struct packed *p, int i, int replica) {
  return (uint64_t *)(p->x + (size_t)i * PIECES) + replica / 64;
}

static void unpack(const struct packed *p, int replica, int8_t *values) {
  for (int i = 0; i < p->n; i++) values[i] = (int8_t)(*lane_of(p, i, replica) >> (replica & 63) & 1);
}

static int64_t measure(const struct NAME(rows) * m, const int8_t *values) {
  int64_t twice = 0;
  for (int i = 0; i < m->n; i++) {
    if (!values[i]) continue;
    int64_t pairs = 0;
    for (int32_t at = m->start[i]; at < m->start[i + 1]; at++) pairs += values[m->other[at]] ? m->weight[at] : 0;
    twice += 2 * (int64_t)m->linear[i] + pairs;
  }
  return twice / 2;
}

/* Where `x` and `other` differ, or where they agree if that is less, the variables fall into clusters that no weight
 * joins: flip those that improve `x`. Return whether any did. After Tinos, Whitley, Chicano: Partition crossover for
 * pseudo-Boolean optimization (FOGA 2015). */
static int cross(struct stream *s, const struct NAME(rows) * m, struct NAME(state) * x, const int8_t *other, int8_t *met,
                 int32_t *queue) {
  int differing = 0, improved = 0;
  for (int i = 0; i < m->n; i++) differing += x->values[i] != other[i];
  int inverted = 2 * differing > m->n;
  for (int i = 0; i < m->n; i++) met[i] = (x->values[i] == other[i]) != inverted;
  s->work += 2 * m->n + VISIT_WORK * (int64_t)(inverted ? m->n - differing : differing);
  for (int i = 0; i < m->n; i++) {
    if (met[i]) continue;
    int count = 1;
    int64_t own = 0, pairs = 0;
    queue[0] = i;
    met[i] = 2;
    for (int done = 0; done < count; done++) {
      int k = queue[done];
      own += x->delta[k];
      for (int32_t at = m->start[k]; at < m->start[k + 1]; at++) {
        int j = m->other[at];
        if (!met[j]) queue[count++] = j, met[j] = 2;
        if (met[j] == 2) pairs += x->values[k] == x->values[j] ? m->weight[at] : -m->weight[at];
      }
      s->work += m->start[k + 1] - m->start[k];
    }
    /* Members of earlier clusters are not met from this one: nothing joins them. */
    if (own + pairs / 2 >= 0) continue;
    for (int done = 0; done < count; done++) NAME(flip_sparse)(m, x, queue[done]);
    improved = 1;
  }
  return improved;
}

/* Let the best replicas fall to the bottom of their valleys, and cross them with each other and the best so far. As many
 * are measured as `work` allows: the replicas are all alike. */
static void harvest(struct stream *s, const struct NAME(rows) * m, const struct packed *p, struct NAME(state) * x,
                    int64_t work, int8_t *kept, int8_t *spare, int32_t *queue) {
  int64_t energy[REPLICAS], each = 2 * (int64_t)m->n + m->start[m->n] / 2, measured = work / each;
  int first[CROSSED + 1], count = 0;
  if (measured < CROSSED) measured = CROSSED;
  if (measured > REPLICAS) measured = REPLICAS;
  for (int r = 0; r < measured; r++) {
    unpack(p, r, spare);
    energy[r] = measure(m, spare);
    int place = count < CROSSED ? count++ : CROSSED;
    for (; place > 0 && energy[first[place - 1]] > energy[r]; place--) first[place] = first[place - 1];
    first[place] = r;
  }
  s->work += measured * each;
  int known = s->work_at_best > 0;
  if (known) memcpy(kept + (size_t)count * m->n, s->values, (size_t)m->n);
  for (int r = 0; r < count; r++) {
    unpack(p, first[r], kept + (size_t)r * m->n);
    NAME(start_at)(m, x, kept + (size_t)r * m->n, spare);
    NAME(descend)(s, m, x);
    memcpy(kept + (size_t)r * m->n, x->values, (size_t)m->n);
  }
  for (int base = 0; base < BASES; base++) {
    NAME(start_at)(m, x, kept + (size_t)base * m->n, spare);
    for (int improved = 1; improved && s->best > s->target;) {
      improved = 0;
      for (int r = 0; r < count + known; r++)
        if (r != base) improved |= cross(s, m, x, kept + (size_t)r * m->n, spare, queue);
      NAME(descend)(s, m, x);
    }
  }
}

/* Cool all replicas from `hot` to `cold` in `sweeps` even steps, from where they are. */
static void cool_packed(struct stream *s, const struct packed *p, double hot, double cold, int64_t sweeps,
                        const float *table, uint64_t *random) {
  for (int64_t k = 0; k < sweeps && !__atomic_load_n(&s->stop, __ATOMIC_RELAXED); k++) {
    double share = sweeps > 1 ? (double)k / (double)(sweeps - 1) : 1.0;
    sweep_packed(p, (float)(hot + (cold - hot) * share), table, random);
    s->work += p->start[p->n] + VISIT_WORK * (int64_t)p->n;
  }
}

/* Anneal again and again from random states, ever longer; the last cooling takes half of all work or more. */
EXPORT void search_multispin(struct stream *s, int32_t n, const int32_t *start, const int32_t *other,
                             const int32_t *weight, const int32_t *linear, double hot, double cold) {
  struct NAME(rows) m = {n, start, other, weight, linear};
  struct packed p = {0};
  struct NAME(state) x = {malloc((size_t)n * sizeof *x.delta), malloc((size_t)n), 0};
  int8_t *spare = malloc((size_t)n), *kept = malloc((size_t)n * (CROSSED + 1));
  int32_t *queue = malloc((size_t)n * sizeof *queue);
  float *table = malloc((TABLE_SIZE + TABLE_RUN) * sizeof *table);
  uint64_t random = s->seed;
  if (pack(&p, &m) && x.delta && x.values && spare && kept && queue && table) {
    fill_table(table, next_random(&random));
    int64_t per_sweep = p.start[n] + VISIT_WORK * (int64_t)n, sweeps = SWEEPS_FIRST;
    while (!must_end(s)) {
      int64_t left = (s->work_max - s->work) / per_sweep;
      if (left < 3 * sweeps) sweeps = left;
      if (sweeps < 1) sweeps = 1;
      for (int i = 0; i < n; i++)
        for (int lane = 0; lane < LANES; lane++) {
          *lane_of(&p, i, 64 * lane) = next_random(&random);
          if (p.negative) *lane_of(&p, n + 1 + i, 64 * lane) = ~*lane_of(&p, i, 64 * lane);
        }
      cool_packed(s, &p, hot, cold, sweeps, table, &random);
      harvest(s, &m, &p, &x, sweeps * per_sweep / MEASURED_SHARE, kept, spare, queue);
      sweeps *= 2;
    }
  } else
    s->ended = ENDED_NO_MEMORY;
  free(x.delta), free(x.values), free(spare), free(kept), free(queue), free(table);
  free(p.start), free(p.entry), free(p.constant), free(p.digits), free(p.x);
}

#undef SWEEPS_FIRST
