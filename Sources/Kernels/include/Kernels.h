#pragma once

#include "KernelsAugmentation.h"
#include "KernelsResample.h"

// The engine's inner loops: written once, compiled for float and double and for several
// instruction sets, the best of which is chosen when the program runs.

/// What the arrays hold.
typedef enum { kernel_float32 = 0, kernel_float64 = 1 } kernel_type;

/// What the kernels were compiled for.
typedef enum { instruction_set_baseline = 0, instruction_set_avx2 = 1, instruction_set_avx512 = 2 } instruction_set;

/// The best instruction set that this processor has.
instruction_set kernels_best_instruction_set(void);
/// The one in use: the best, unless chosen otherwise.
instruction_set kernels_instruction_set(void);
/// Chooses another; returns 0 when this processor lacks it.
int kernels_choose_instruction_set(instruction_set set);

/// The number of threads that compute together: as many as OpenMP would start (OMP_NUM_THREADS) unless set.
int kernels_thread_count(void);
void kernels_set_thread_count(int count);

/// Makes the OpenMP teams that this thread starts, OpenBLAS's, as large as that, or of this thread alone inside a
/// loop. To be called before them; the threads of our own that wait for the next loop leave them the cores.
void kernels_adopt_thread_count(void);

/// For this thread and the parallel loops it starts alone: another instruction set (-1 for the program's; one that the
/// processor lacks is refused with 0) and another number of threads (0 for the program's).
int kernels_override(int set, int threads);

/// Computes 0 ..< count in chunks of at least `chunk`, which the threads take as they come to it, and waits for all. The chunks
/// depend on the two numbers alone. Inside another loop, and where it is one chunk, this thread computes it. Not to be called
/// after a fork inside a loop.
void kernels_parallel_for(long count, long chunk, void (*body)(void *context, long begin, long end), void *context);

/// Inside a loop: which of its threads this one is, less than kernels_thread_count() of the thread that started it. No two
/// threads are the same at once.
int kernels_slot(void);

/// Between these two a thread of the program computes beside loops: they leave it a core.
void kernels_begin_other_work(void);
void kernels_end_other_work(void);

/// What the user may do about memory that there isn't, said by `kernels_out_of_memory`: up to 511 bytes, from one thread.
void kernels_set_memory_advice(const char *text);

/// Ends the process with one sentence on standard error and exit code 1: memory cannot be had, and no result may depend on
/// whether it can.
_Noreturn void kernels_out_of_memory(unsigned long bytes);

/// The same for a device that has failed: `what` is the sentence, to which the advice comes where it is about memory.
_Noreturn void kernels_device_failed(const char *what, int is_memory);

/// `block`, which was asked for with so many bytes; ends the process as above where it is null.
void *kernels_required(void *block, unsigned long bytes);

/// The elementwise functions.
typedef enum {
  activation_gelu = 0,
  activation_relu = 1,
  activation_leaky_relu = 2,
  activation_sigmoid = 3,
  activation_logarithm = 4,
  activation_square_root = 5
} activation_kind;

/// The arithmetic of two arrays.
typedef enum { binary_add = 0, binary_subtract = 1, binary_multiply = 2, binary_divide = 3 } binary_kind;

/// The most axes that `binary` and `strided_copy` take.
enum { kernel_rank_limit = 16 };
/// Pixels in one block of the losses.
enum { pixel_block = 64 };
/// Elements of a plane that a norm sums before it adds to the total, and channels that it sums side by side.
enum { moment_block = 1024, channel_block = 64 };
/// Queries and keys in one block of attention.
enum { attention_query_block = 96, attention_key_block = 192 };
/// The keys and values of one head are packed into at most this many elements.
static inline long attention_packed_size(long key_tokens, long depth) {
  return (key_tokens + 31) * depth + (depth + 31) * key_tokens;
}

/// query [items, query_tokens, heads, depth], key and value [items, key_tokens, heads, depth], log_sum [items, heads, query_tokens].
typedef struct {
  long items, heads, query_tokens, key_tokens, depth;
  double scale;
} attention_shape;

/// value [items, tokens, heads, depth], the tokens of maps of sizes[levels][height, width] one after the other; locations
/// [items, queries, heads, levels, points, 2] as (x, y) in units of a map's width and height; weights alike but for the 2.
typedef struct {
  long items, queries, tokens, heads, depth, levels, points;
  const long *sizes;
} deformable_shape;

/// One image [channels, height, width] under a sliding kernel.
typedef struct {
  long height, width, output_height, output_width;
  long kernel_height, kernel_width, stride_y, stride_x, padding_y, padding_x, dilation_y, dilation_x;
} image_window;

/// Images [items, height, width, channels] and their division into tiles of two by two results, `down` by
/// `across` in an image, `tiles` in all: the first tile's corner lies `top` and `left` beyond the image's.
typedef struct {
  long height, width, channels, top, left, down, across, tiles;
} winograd_image;

/// The rows of a matrix whose columns are given elsewhere, such as the pixels of images: `inner` rows one `step` apart are a line,
/// `lines` lines one `line_step` apart an image (0: there is one image of any number of lines), and images are one `image_step`
/// apart, in elements. Rows are counted from `skipped` on.
typedef struct {
  void *start;
  long step, inner, line_step, skipped, lines, image_step;
} matrix_rows;

/// `inner` of a matrix whose rows are all one step apart.
enum { one_step = 0x7fffffff };

/// c = a b + bias, or c += a b: a [rows, depth], b [depth, columns], c [rows, columns] (its columns adjacent), bias [columns]
/// or null. Where `activated` is not null, GELU of c goes there, whose rows lie as c's; it may be c itself.
/// The columns of a are a_column apart; where a_run is not 0, so many of them are, and every such run begins a_run_step after the
/// one before.
typedef struct {
  long rows, columns, depth;
  matrix_rows a;
  long a_column, a_run, a_run_step;
  matrix_rows b;
  long b_column;
  matrix_rows c;
  const void *bias;
  void *activated;
  int accumulate;
} matrix_product;

/// One step of AdamW. gradient_scale multiplies the gradient first (clipping).
typedef struct {
  double rate, decay, beta1, beta2, epsilon, correction1, correction2, gradient_scale;
} adamw_step;

/// One step of SGD with momentum. gradient_scale multiplies the gradient before the decay is added.
typedef struct {
  double rate, decay, momentum, gradient_scale;
  int nesterov;
} sgd_step;

#define REAL void
#define KERNEL_PARAMETERS(...) __VA_ARGS__
#define KERNEL(name, parameters, arguments) void kernel_##name(kernel_type type, KERNEL_PARAMETERS parameters);
#include "KernelList.h"
#undef KERNEL
#undef KERNEL_PARAMETERS
#undef REAL

/// The rows and columns of the tiles in which matrix products are computed.
typedef struct {
  long rows, columns;
} product_tile;
product_tile kernel_product_tile(kernel_type type);

/// The bytes of scratch memory that a product needs.
long kernel_gemm_scratch(kernel_type type, const matrix_product *product);

/// Computes the product on all threads or, inside kernels_parallel_for, on the calling one. `scratch` is aligned to 64 bytes.
/// The bits depend on the sizes alone, not on the threads or the instruction set.
void kernel_gemm(kernel_type type, const matrix_product *product, void *scratch);
