#include "include/COneDNN.h"

#include <oneapi/dnnl/dnnl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int omp_get_max_threads(void);

const char *onednn_version(void) {
  static char text[32];
  const dnnl_version_t *version = dnnl_version();
  snprintf(text, sizeof text, "%d.%d.%d", version->major, version->minor, version->patch);
  return text;
}

long onednn_channel_block(void) {
  // The masks of the AVX-512 instruction sets hold all bits of the first of them.
  dnnl_cpu_isa_t set = dnnl_get_effective_cpu_isa();
  return (set & dnnl_cpu_isa_avx512_core) == dnnl_cpu_isa_avx512_core ? 16 : 8;
}

typedef enum { forward, backward_data, backward_weights } direction;
enum { slot_x, slot_weights, slot_y, slot_bias, slot_count };

// Versions 2 and 3 differ in what a description of memory is, a structure or a pointer, and in how a convolution is
// described; all of that is in the functions up to `describe_convolution`.
#if DNNL_VERSION_MAJOR >= 3
#define REF(description) (description)
static int describe(dnnl_memory_desc_t *made, int rank, const dnnl_dims_t sizes, dnnl_format_tag_t tag) {
  return dnnl_memory_desc_create_with_tag(made, rank, sizes, dnnl_f32, tag) == dnnl_success;
}
static void forget(dnnl_memory_desc_t *description) {
  if (*description) dnnl_memory_desc_destroy(*description);
  *description = NULL;
}
static int query(dnnl_memory_desc_t *made, const_dnnl_primitive_desc_t primitive, dnnl_query_t what) {
  const_dnnl_memory_desc_t found = dnnl_primitive_desc_query_md(primitive, what, 0);
  return found && dnnl_memory_desc_clone(made, found) == dnnl_success;
}
#else
#define REF(description) (&(description))
static int describe(dnnl_memory_desc_t *made, int rank, const dnnl_dims_t sizes, dnnl_format_tag_t tag) {
  return dnnl_memory_desc_init_by_tag(made, rank, sizes, dnnl_f32, tag) == dnnl_success;
}
static void forget(dnnl_memory_desc_t *description) { (void)description; }
static int query(dnnl_memory_desc_t *made, const_dnnl_primitive_desc_t primitive, dnnl_query_t what) {
  const dnnl_memory_desc_t *found = dnnl_primitive_desc_query_md(primitive, what, 0);
  if (found) *made = *found;
  return found != NULL;
}
#endif

// A primitive prepared for one shape, with the layouts it needs and the reorders that lead there and back.
typedef struct prepared {
  struct prepared *next;
  onednn_convolution shape;
  direction direction;
  int has_bias, threads, works;
  dnnl_primitive_t primitive;
  dnnl_memory_desc_t plain[slot_count], wanted[slot_count], scratch;
  dnnl_primitive_t reorder[slot_count];
} prepared;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static dnnl_engine_t engine;
static dnnl_stream_t stream;
static prepared *all_prepared;
// One block of memory for each slot's wanted layout and one for the scratchpad; they only grow.
static struct {
  void *pointer;
  size_t size;
} buffers[slot_count + 1];

static void (*end_without_memory)(unsigned long bytes);

void onednn_on_memory_failure(void (*end)(unsigned long bytes)) { end_without_memory = end; }

static void *buffer(int slot, size_t size) {
  if (buffers[slot].size < size) {
    free(buffers[slot].pointer);
    buffers[slot].size = 0;
    if (posix_memalign(&buffers[slot].pointer, 64, size) != 0) {
      buffers[slot].pointer = NULL;
      if (end_without_memory) end_without_memory(size);
      return NULL;
    }
    buffers[slot].size = size;
  }
  return buffers[slot].pointer;
}

static int prepare_reorder(const dnnl_memory_desc_t *from, const dnnl_memory_desc_t *to, dnnl_primitive_t *reorder) {
  dnnl_primitive_desc_t description;
  if (dnnl_reorder_primitive_desc_create(&description, REF(*from), engine, REF(*to), engine, NULL) != dnnl_success)
    return 0;
  int made = dnnl_primitive_create(reorder, description) == dnnl_success;
  dnnl_primitive_desc_destroy(description);
  return made;
}

// The layout of images of a form as they lie.
static dnnl_format_tag_t tag_of(long form) {
  switch (form) {
    case -1: return dnnl_nhwc;
    case 0: return dnnl_nchw;
    case 8: return dnnl_nChw8c;
    case 16: return dnnl_nChw16c;
    default: return dnnl_format_tag_undef;
  }
}

// The layout to compute in: images may be put in blocks of channels first. Those with their channels last are taken as they
// lie with AVX-512; with less, oneDNN's kernels for blocks are so much faster that the way there and back pays, unless a block
// would be mostly empty.
static dnnl_format_tag_t wanted_of(const onednn_convolution *s, long form) {
  const long block = onednn_channel_block();
  const int takes_blocks = block == 8 && s->groups == 1 && s->inputs % block == 0 && s->outputs % block == 0;
  return form == -1 && !takes_blocks ? dnnl_nhwc : dnnl_format_tag_any;
}

// The convolution's arrays as they lie, or as oneDNN may choose.
static int describe_arrays(const onednn_convolution *s, int as_they_lie, dnnl_memory_desc_t made[slot_count]) {
  const dnnl_dims_t x = {s->items, s->inputs, s->height, s->width};
  const dnnl_dims_t y = {s->items, s->outputs, s->output_height, s->output_width};
  const dnnl_dims_t weights = {s->outputs, s->inputs, s->kernel_height, s->kernel_width};
  const dnnl_dims_t grouped = {
      s->groups, s->outputs / s->groups, s->inputs / s->groups, s->kernel_height, s->kernel_width};
  const dnnl_dims_t bias = {s->outputs};
  const int in_groups = s->groups > 1;
  const dnnl_format_tag_t plain = in_groups ? dnnl_goihw : dnnl_oihw;
  return describe(&made[slot_x], 4, x, as_they_lie ? tag_of(s->x_layout) : wanted_of(s, s->x_layout)) &&
         describe(&made[slot_y], 4, y, as_they_lie ? tag_of(s->y_layout) : wanted_of(s, s->y_layout)) &&
         describe(&made[slot_weights], in_groups ? 5 : 4, in_groups ? grouped : weights,
                  as_they_lie ? plain : dnnl_format_tag_any) &&
         describe(&made[slot_bias], 1, bias, dnnl_x);
}

// hint: the forward pass's description, for the backward ones.
static int describe_convolution(
    const onednn_convolution *s, direction direction, int has_bias, dnnl_memory_desc_t any[slot_count],
    const_dnnl_primitive_attr_t attributes, const_dnnl_primitive_desc_t hint, dnnl_primitive_desc_t *made) {
  const dnnl_dims_t strides = {s->stride_y, s->stride_x}, dilation = {s->dilation_y - 1, s->dilation_x - 1};
  const dnnl_dims_t padding = {s->padding_y, s->padding_x};
  const dnnl_alg_kind_t direct = dnnl_convolution_direct;
#if DNNL_VERSION_MAJOR >= 3
  const dnnl_memory_desc_t bias = has_bias ? any[slot_bias] : NULL;
  switch (direction) {
    case forward:
      return dnnl_convolution_forward_primitive_desc_create(
                 made, engine, dnnl_forward_training, direct, any[slot_x], any[slot_weights], bias, any[slot_y], strides,
                 dilation, padding, padding, attributes) == dnnl_success;
    case backward_data:
      return dnnl_convolution_backward_data_primitive_desc_create(
                 made, engine, direct, any[slot_x], any[slot_weights], any[slot_y], strides, dilation, padding, padding,
                 hint, attributes) == dnnl_success;
    default:
      return dnnl_convolution_backward_weights_primitive_desc_create(
                 made, engine, direct, any[slot_x], any[slot_weights], bias, any[slot_y], strides, dilation, padding,
                 padding, hint, attributes) == dnnl_success;
  }
#else
  const dnnl_memory_desc_t *bias = has_bias ? &any[slot_bias] : NULL;
  dnnl_convolution_desc_t description;
  dnnl_status_t status;
  switch (direction) {
    case forward:
      status = dnnl_dilated_convolution_forward_desc_init(
          &description, dnnl_forward_training, direct, &any[slot_x], &any[slot_weights], bias, &any[slot_y], strides,
          dilation, padding, padding);
      break;
    case backward_data:
      status = dnnl_dilated_convolution_backward_data_desc_init(
          &description, direct, &any[slot_x], &any[slot_weights], &any[slot_y], strides, dilation, padding, padding);
      break;
    default:
      status = dnnl_dilated_convolution_backward_weights_desc_init(
          &description, direct, &any[slot_x], &any[slot_weights], bias, &any[slot_y], strides, dilation, padding,
          padding);
  }
  return status == dnnl_success &&
         dnnl_primitive_desc_create(made, &description, attributes, engine, hint) == dnnl_success;
#endif
}

// Fills in everything that the primitive needs beside the arrays.
static int prepare_primitive(prepared *p, dnnl_primitive_desc_t description) {
  const dnnl_query_t queries[3] = {
      p->direction == backward_data ? dnnl_query_diff_src_md : dnnl_query_src_md,
      p->direction == backward_weights ? dnnl_query_diff_weights_md : dnnl_query_weights_md,
      p->direction == forward ? dnnl_query_dst_md : dnnl_query_diff_dst_md};
  const int output = p->direction == forward ? slot_y : p->direction == backward_data ? slot_x : slot_weights;
  if (dnnl_primitive_create(&p->primitive, description) != dnnl_success) return 0;
  for (int slot = 0; slot < 3; slot++) {
    if (!query(&p->wanted[slot], description, queries[slot])) return 0;
    if (dnnl_memory_desc_equal(REF(p->wanted[slot]), REF(p->plain[slot]))) continue;
    if (!(slot == output ? prepare_reorder(&p->wanted[slot], &p->plain[slot], &p->reorder[slot])
                         : prepare_reorder(&p->plain[slot], &p->wanted[slot], &p->reorder[slot])))
      return 0;
  }
  return query(&p->scratch, description, dnnl_query_scratchpad_md);
}

static int prepare(prepared *p) {
  dnnl_memory_desc_t any[slot_count] = {0};
  dnnl_primitive_attr_t attributes = NULL;
  dnnl_primitive_desc_t hint = NULL, description = NULL;
  int made = describe_arrays(&p->shape, 1, p->plain) && describe_arrays(&p->shape, 0, any) &&
             dnnl_primitive_attr_create(&attributes) == dnnl_success &&
             dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user) == dnnl_success;
  if (p->direction == forward) {
    made = made && describe_convolution(&p->shape, forward, p->has_bias, any, attributes, NULL, &description);
  } else {
    made = made && describe_convolution(&p->shape, forward, 0, any, attributes, NULL, &hint) &&
           describe_convolution(&p->shape, p->direction, p->has_bias, any, attributes, hint, &description);
  }
  made = made && prepare_primitive(p, description);
  if (description) dnnl_primitive_desc_destroy(description);
  if (hint) dnnl_primitive_desc_destroy(hint);
  if (attributes) dnnl_primitive_attr_destroy(attributes);
  for (int slot = 0; slot < slot_count; slot++) forget(&any[slot]);
  return made;
}

static prepared *find(direction direction, const onednn_convolution *shape, int has_bias) {
  if (!engine) {
    if (dnnl_engine_create(&engine, dnnl_cpu, 0)) return NULL;
    if (dnnl_stream_create(&stream, engine, dnnl_stream_default_flags)) return NULL;
  }
  int threads = omp_get_max_threads();
  for (prepared *p = all_prepared; p; p = p->next)
    if (p->direction == direction && p->has_bias == has_bias && p->threads == threads &&
        memcmp(&p->shape, shape, sizeof *shape) == 0)
      return p;
  prepared *p = calloc(1, sizeof *p);
  if (!p) return NULL;
  p->shape = *shape;
  p->direction = direction;
  p->has_bias = has_bias;
  p->threads = threads;
  p->works = prepare(p);
  p->next = all_prepared;
  all_prepared = p;
  return p;
}

static int reorder(dnnl_primitive_t primitive, dnnl_memory_t from, dnnl_memory_t to) {
  dnnl_exec_arg_t arguments[2] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};
  return dnnl_primitive_execute(primitive, stream, 2, arguments) == dnnl_success;
}

// y_is_ready: the buffer for y holds it already as it is wanted.
static int run(prepared *p, float *const pointers[slot_count], int y_is_ready) {
  static const int arguments_of[3][slot_count] = {
      {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST, DNNL_ARG_BIAS},
      {DNNL_ARG_DIFF_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DIFF_DST, 0},
      {DNNL_ARG_SRC, DNNL_ARG_DIFF_WEIGHTS, DNNL_ARG_DIFF_DST, DNNL_ARG_DIFF_BIAS}};
  const int output = p->direction == forward ? slot_y : p->direction == backward_data ? slot_x : slot_weights;
  dnnl_memory_t plain[slot_count] = {0}, wanted[slot_count] = {0}, scratch = NULL;
  dnnl_exec_arg_t arguments[slot_count + 1];
  int count = 0, good = 1;
  for (int slot = 0; good && slot < slot_count; slot++) {
    if (slot == slot_bias && !p->has_bias) continue;
    good = !dnnl_memory_create(&plain[slot], REF(p->plain[slot]), engine, pointers[slot]);
    dnnl_memory_t used = plain[slot];
    if (good && p->reorder[slot]) {
      void *memory = buffer(slot, dnnl_memory_desc_get_size(REF(p->wanted[slot])));
      good = memory && !dnnl_memory_create(&wanted[slot], REF(p->wanted[slot]), engine, memory);
      used = wanted[slot];
      if (good && slot != output && !(slot == slot_y && y_is_ready)) good = reorder(p->reorder[slot], plain[slot], used);
    }
    arguments[count++] = (dnnl_exec_arg_t){arguments_of[p->direction][slot], used};
  }
  size_t scratch_size = dnnl_memory_desc_get_size(REF(p->scratch));
  if (good && scratch_size > 0) {
    void *memory = buffer(slot_count, scratch_size);
    good = memory && !dnnl_memory_create(&scratch, REF(p->scratch), engine, memory);
    arguments[count++] = (dnnl_exec_arg_t){DNNL_ARG_SCRATCHPAD, scratch};
  }
  good = good && !dnnl_primitive_execute(p->primitive, stream, count, arguments);
  if (good && p->reorder[output]) good = reorder(p->reorder[output], wanted[output], plain[output]);
  good = good && !dnnl_stream_wait(stream);
  for (int slot = 0; slot < slot_count; slot++) {
    if (plain[slot]) dnnl_memory_destroy(plain[slot]);
    if (wanted[slot]) dnnl_memory_destroy(wanted[slot]);
  }
  if (scratch) dnnl_memory_destroy(scratch);
  return good;
}

static int compute(
    direction direction, const onednn_convolution *shape, const float *x, const float *weights, const float *y,
    const float *bias) {
  pthread_mutex_lock(&lock);
  prepared *p = find(direction, shape, bias != NULL);
  float *const pointers[slot_count] = {(float *)x, (float *)weights, (float *)y, (float *)bias};
  int done = p && p->works && run(p, pointers, 0);
  pthread_mutex_unlock(&lock);
  return done;
}

int onednn_convolution_forward(
    const onednn_convolution *shape, const float *x, const float *weights, const float *bias, float *y) {
  return compute(forward, shape, x, weights, y, bias);
}

int onednn_convolution_backward_data(
    const onednn_convolution *shape, const float *dy, const float *weights, float *dx) {
  return compute(backward_data, shape, dx, weights, dy, NULL);
}

int onednn_convolution_backward_weights(
    const onednn_convolution *shape, const float *x, const float *dy, float *d_weights, float *d_bias) {
  return compute(backward_weights, shape, x, d_weights, dy, d_bias);
}

int onednn_convolution_backward(
    const onednn_convolution *shape, const float *x, const float *weights, const float *dy, float *dx, float *d_weights,
    float *d_bias) {
  pthread_mutex_lock(&lock);
  prepared *data = find(backward_data, shape, 0), *rest = find(backward_weights, shape, d_bias != NULL);
  float *const for_data[slot_count] = {dx, (float *)weights, (float *)dy, NULL};
  float *const for_rest[slot_count] = {(float *)x, d_weights, (float *)dy, d_bias};
  int done = data && rest && data->works && rest->works && run(data, for_data, 0);
  const int y_is_ready = done && data->reorder[slot_y] && rest->reorder[slot_y] &&
                         dnnl_memory_desc_equal(REF(data->wanted[slot_y]), REF(rest->wanted[slot_y]));
  done = done && run(rest, for_rest, y_is_ready);
  pthread_mutex_unlock(&lock);
  return done;
}

void onednn_release(void) {
  pthread_mutex_lock(&lock);
  while (all_prepared) {
    prepared *p = all_prepared;
    all_prepared = p->next;
    if (p->primitive) dnnl_primitive_destroy(p->primitive);
    for (int slot = 0; slot < slot_count; slot++)
      if (p->reorder[slot]) dnnl_primitive_destroy(p->reorder[slot]);
    for (int slot = 0; slot < slot_count; slot++) {
      forget(&p->plain[slot]);
      forget(&p->wanted[slot]);
    }
    forget(&p->scratch);
    free(p);
  }
  for (int slot = 0; slot <= slot_count; slot++) {
    free(buffers[slot].pointer);
    buffers[slot].pointer = NULL;
    buffers[slot].size = 0;
  }
  pthread_mutex_unlock(&lock);
}
