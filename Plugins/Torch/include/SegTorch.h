/* What the PyTorch plugin offers the engine: one table of functions, found by `segtorch_functions` in a library that is loaded
   while the program runs. No C++ type and no exception crosses it. Every function that returns int32_t returns a segtorch_status;
   after any but segtorch_ok, `error` says what went wrong, and nothing was given out. */
#ifndef SEGTORCH_H
#define SEGTORCH_H
#include <stdint.h>

/* Raised when this file changes: a plugin with another number is not used. */
#define SEGTORCH_INTERFACE 3

typedef enum {
  segtorch_ok = 0,
  segtorch_out_of_memory = 1,
  /* Anything else: shapes that do not go together, a device that is lost. */
  segtorch_failed = 2
} segtorch_status;

/* A tensor of PyTorch's, or what it keeps of an operation for the way back. */
typedef struct segtorch_block segtorch_block;

/* Elements, as the engine numbers them. A block of float32 may hold bfloat16 inside. */
typedef enum { segtorch_float32 = 0, segtorch_float64 = 1, segtorch_int32 = 2 } segtorch_type;

/* Row-major elements of a block, from `offset` on, in elements. */
typedef struct {
  segtorch_block *block;
  int64_t offset;
  const int64_t *shape;
  int32_t rank;
  int32_t type;
} segtorch_tensor;

/* The engine's operations; beside each, its whole numbers and its real numbers. */
typedef enum {
  segtorch_add,
  segtorch_subtract,
  segtorch_multiply,
  segtorch_divide,
  segtorch_affine,                 /* -; scale, shift */
  segtorch_activation,             /* a segtorch_function; slope */
  segtorch_residual,               /* has scale, has keep */
  segtorch_matrix_product,         /* transpose a, transpose b */
  segtorch_linear,                 /* has bias, GELU */
  segtorch_convolution,            /* stride y x, padding y x, dilation y x, groups, layout, has bias, channels in a block */
  segtorch_transposed_convolution, /* the same */
  segtorch_layer_norm,             /* GELU; epsilon */
  segtorch_group_norm,             /* groups, layout; epsilon, slope */
  segtorch_batch_norm,             /* layout; epsilon, slope */
  segtorch_fixed_norm,             /* layout; epsilon, slope */
  segtorch_normalize,              /* -; epsilon */
  segtorch_softmax,
  segtorch_log_softmax,
  segtorch_attention,            /* -; scale */
  segtorch_rotary,               /* prefix */
  segtorch_deformable_attention, /* height and width of each map */
  segtorch_reshape,              /* the shape */
  segtorch_permute,              /* the axes */
  segtorch_concatenate,          /* axis */
  segtorch_slice,                /* axis, start, count */
  segtorch_resize,               /* height, width, a segtorch_mode, layout */
  segtorch_max_pool,             /* kernel y x, stride y x, padding y x */
  segtorch_gather,
  segtorch_sum,                  /* keep, the axes */
  segtorch_cross_entropy,
  segtorch_soft_dice,            /* over the batch, background; smooth */
  segtorch_region_cross_entropy, /* per pixel, labels, regions, then for each label whether it is in each region */
  segtorch_region_dice           /* over the batch, labels, regions, the same; smooth */
} segtorch_kind;

typedef enum {
  segtorch_gelu,
  segtorch_relu,
  segtorch_leaky_relu,
  segtorch_sigmoid,
  segtorch_logarithm,
  segtorch_square_root
} segtorch_function;

typedef enum { segtorch_channels_first, segtorch_channels_last } segtorch_layout;

typedef enum {
  segtorch_nearest,
  segtorch_bilinear,
  segtorch_bilinear_antialiased,
  segtorch_bicubic,
  segtorch_bicubic_antialiased
} segtorch_mode;

/* What an operation's floating-point inputs are converted to before it is computed. */
typedef enum { segtorch_as_given, segtorch_bfloat16, segtorch_single } segtorch_inputs;

typedef struct {
  int32_t kind;
  /* A segtorch_inputs. */
  int32_t inputs;
  int32_t integer_count;
  int32_t real_count;
  const int64_t *integers;
  const double *reals;
} segtorch_operation;

/* Bytes, or 0 where the device does not tell. */
typedef struct {
  int64_t allocated, peak, free, total;
} segtorch_memory;

/* Where a tile lies on a slice. */
typedef struct {
  int64_t top, left;
  int32_t flips_rows, flips_columns;
} segtorch_placement;

typedef struct {
  double rate, decay, beta1, beta2, epsilon, gradient_scale;
  int64_t step;
} segtorch_adamw;

typedef struct {
  double rate, decay, momentum, gradient_scale;
  int32_t nesterov;
} segtorch_sgd;

/* Sinkhorn-Knopp's factors between its rounds. */
typedef struct segtorch_sinkhorn segtorch_sinkhorn;

/* A device is a number: -1 for the CPU, else a GPU's. */
typedef struct {
  int32_t interface_number;
  /* Of the PyTorch that it was compiled against. */
  const char *torch_version;
  /* Of the last function that failed on this thread. */
  const char *(*error)(void);

  /* For the whole process, before anything else. */
  int32_t (*configure)(int32_t threads, int32_t deterministic, int32_t tf32);
  /* How many GPUs there are; 0 where there is no CUDA. */
  int32_t (*gpu_count)(void);
  /* The device's name, cut to the capacity. */
  int32_t (*name)(int32_t device, char *text, int32_t capacity);
  int32_t (*memory)(int32_t device, segtorch_memory *memory);

  int32_t (*allocate)(int32_t device, int64_t bytes, segtorch_block **block);
  void (*release)(segtorch_block *block);
  int32_t (*copy_in)(segtorch_block *block, const void *bytes, int64_t count);
  int32_t (*copy_out)(segtorch_block *block, int64_t offset, void *bytes, int64_t count);
  int32_t (*fill)(const segtorch_tensor *tensor, double value);
  int32_t (*copy)(const segtorch_tensor *source, const segtorch_tensor *target);
  /* The sizes of what an operation gave. */
  int32_t (*shape)(segtorch_block *block, int64_t *shape, int32_t capacity, int32_t *rank);

  /* `needed` says for each input whether its gradient will be asked for, and `record` is what `backward` wants; both NULL where
     nothing will be. */
  int32_t (*forward)(const segtorch_operation *operation, const segtorch_tensor *inputs, int32_t count, const uint8_t *needed,
                     segtorch_block **outputs, int32_t capacity, int32_t *output_count, segtorch_block **record);
  /* Once for each record. A gradient without a block is zero; so is a result that is NULL. */
  int32_t (*backward)(segtorch_block *record, const segtorch_tensor *gradients, int32_t count, segtorch_block **results,
                      int32_t capacity);
  int32_t (*accumulate)(const segtorch_tensor *a, const segtorch_tensor *b, segtorch_block **sum);

  int32_t (*adamw)(const segtorch_tensor *values, const segtorch_tensor *gradient, const segtorch_tensor *first,
                   const segtorch_tensor *second, const segtorch_adamw *step);
  int32_t (*sgd)(const segtorch_tensor *values, const segtorch_tensor *gradient, const segtorch_tensor *velocity,
                 const segtorch_sgd *step);
  int32_t (*lerp)(const segtorch_tensor *target, const segtorch_tensor *source, double weight);
  int32_t (*sum_of_squares)(const segtorch_tensor *tensors, int32_t count, double *sum);

  /* Regions as in segtorch_region_dice; NULL for classes. */
  int32_t (*overlap_counts)(const segtorch_tensor *logits, const segtorch_tensor *labels, const segtorch_operation *regions,
                            double threshold, segtorch_block **counts);
  int32_t (*resized_labels)(const segtorch_tensor *labels, int64_t height, int64_t width, segtorch_block **resized);
  int32_t (*greatest_off_diagonal)(const segtorch_tensor *matrix, segtorch_block **places);
  int32_t (*entropy)(const segtorch_tensor *distributions, double *mean);
  int32_t (*sinkhorn_begin)(int32_t device, int64_t prototypes, double temperature, segtorch_sinkhorn **state);
  void (*sinkhorn_release)(segtorch_sinkhorn *state);
  /* Adds some samples' logits to the round. */
  int32_t (*sinkhorn_add)(segtorch_sinkhorn *state, const segtorch_tensor *logits);
  int32_t (*sinkhorn_end_round)(segtorch_sinkhorn *state);
  int32_t (*sinkhorn_targets)(segtorch_sinkhorn *state, const segtorch_tensor *logits, segtorch_block **targets);

  int32_t (*tiles)(const segtorch_tensor *slice, const segtorch_placement *placements, int32_t count, int64_t height,
                   int64_t width, segtorch_block **tiles);
  int32_t (*add_tiles)(const segtorch_tensor *tiles, const segtorch_tensor *weights, const segtorch_placement *placements,
                       int32_t count, const segtorch_tensor *sums);
} segtorch_functions_table;

/* The library's one symbol. */
#ifdef __cplusplus
extern "C" __attribute__((visibility("default")))
#endif
const segtorch_functions_table *
segtorch_functions(void);
#endif
