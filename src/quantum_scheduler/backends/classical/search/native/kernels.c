/* The compiled searches, each for its types of numbers: int32 where the model's integers fit, double otherwise. */
#include <float.h>

#include "search.h"

/* Dense models of integers: couplings of 16 bits where they fit, because the matrix is read once for each flip. */
#define SIGNED(coupling, mask) (((NUMBER)(coupling) ^ (mask)) - (mask))
#define IF_FREE(d, held) (((d) & ~-(MASK)(held)) | (NUMBER_MAX & -(MASK)(held)))
#define NUMBER int32_t
#define NUMBER_MAX INT32_MAX
#define MASK int32_t
#define MASK_MAX INT32_MAX
#define FLIP_MAX (INT32_MAX / 2)
#define SUM int64_t

#define COUPLING int16_t
#define NAME(x) JOIN(x, int16)
#include "tabu.h"
#undef COUPLING
#undef NAME

#define COUPLING int32_t
#define NAME(x) JOIN(x, int32)
#include "tabu.h"
#undef COUPLING

#define INEXACT 0
#include "sparse.h"
#include "exchange.h"
#include "multispin.h"
#undef INEXACT
#undef NAME
#undef SIGNED
#undef IF_FREE
#undef NUMBER
#undef NUMBER_MAX
#undef MASK
#undef MASK_MAX
#undef FLIP_MAX
#undef SUM

#define SIGNED(coupling, mask) ((mask) ? -(coupling) : (coupling))
#define IF_FREE(d, held) ((held) ? NUMBER_MAX : (d))
#define NUMBER double
#define NUMBER_MAX DBL_MAX
#define MASK int64_t
#define MASK_MAX INT64_MAX
#define FLIP_MAX (INT64_MAX / 2)
#define SUM double
#define COUPLING double
#define NAME(x) JOIN(x, double)
#define INEXACT 1
#include "tabu.h"
#include "sparse.h"
#include "exchange.h"
