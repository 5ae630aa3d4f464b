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

// What versions 2 and 3 call differently. A layout (memory descriptor) is an opaque pointer in 3; here it is one in both.
#if DNNL_VERSION_MAJOR >= 3
typedef const_dnnl_memory_desc_t layout;

static int make_layout(layout *made, int count, const dnnl_dims_t sizes, dnnl_format_tag_t tag) {
  dnnl_memory_desc_t description;
  if (dnnl_memory_desc_create_with_tag(&description, count, sizes, dnnl_f32, tag)) return 0;
  *made = description;
  return 1;
}

static layout copy_layout(layout from) {
  dnnl_memory_desc_t copy = NULL;
  return dnnl_memory_desc_clone(&copy, from) ? NULL : copy;
}

static void free_layout(layout made) {
  if (made) dnnl_memory_desc_destroy((dnnl_memory_desc_t)made);
}
#else
typedef const dnnl_memory_desc_t *layout;

static layout copy_layout(layout from) {
  dnnl_memory_desc_t *copy = malloc(sizeof *copy);
  if (copy) *copy = *from;
  return copy;
}

static int make_layout(layout *made, int count, const dnnl_dims_t sizes, dnnl_format_tag_t tag) {
  dnnl_memory_desc_t description;
  if (dnnl_memory_desc_init_by_tag(&description, count, sizes, dnnl_f32, tag)) return 0;
  *made = copy_layout(&description);
  return *made != NULL;
}

static void free_layout(layout made) { free((void *)made); }
#endif

typedef enum { forward, backward_data, backward_weights } direction;
enum { slot_x, slot_weights, slot_y, slot_bias, slot_count };

// A primitive prepared for one shape, with the layouts it wants and the reorders that lead there and back.
typedef struct prepared {
  struct prepared *next;
  onednn_convolution shape;
  direction direction;
  int has_bias, threads, works;
  dnnl_primitive_t primitive;
  layout plain[slot_count], wanted[slot_count], scratch;
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

static void *buffer(int slot, size_t size) {
  if (buffers[slot].size < size) {
    free(buffers[slot].pointer);
    buffers[slot].size = 0;
    if (posix_memalign(&buffers[slot].pointer, 64, size) != 0) {
      buffers[slot].pointer = NULL;
      return NULL;
    }
    buffers[slot].size = size;
  }
  return buffers[slot].pointer;
}

static int prepare_reorder(layout from, layout to, dnnl_primitive_t *reorder) {
  dnnl_primitive_desc_t description;
  if (dnnl_reorder_primitive_desc_create(&description, from, engine, to, engine, NULL) != dnnl_success) return 0;
  int made = dnnl_primitive_create(reorder, description) == dnnl_success;
  dnnl_primitive_desc_destroy(description);
  return made;
}

// The primitive's description for p's direction, shape and layouts; NULL when there is none.
static dnnl_primitive_desc_t describe(const prepared *p, const layout any[slot_count]) {
  const onednn_convolution *s = &p->shape;
  const dnnl_dims_t strides = {s->stride_y, s->stride_x}, dilation = {s->dilation_y - 1, s->dilation_x - 1};
  const dnnl_dims_t before = {s->padding_y, s->padding_x};
  const layout bias = p->has_bias ? any[slot_bias] : NULL, forward_bias = p->direction == forward ? bias : NULL;
  dnnl_primitive_attr_t attributes;
  if (dnnl_primitive_attr_create(&attributes)) return NULL;
  dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user);
  // The backward ones want a forward one's description as a hint.
  dnnl_primitive_desc_t hint = NULL, found = NULL;
#if DNNL_VERSION_MAJOR >= 3
  dnnl_convolution_forward_primitive_desc_create(
      &hint, engine, dnnl_forward_training, dnnl_convolution_direct, any[slot_x], any[slot_weights], forward_bias,
      any[slot_y], strides, dilation, before, before, attributes);
  if (hint && p->direction == backward_data)
    dnnl_convolution_backward_data_primitive_desc_create(
        &found, engine, dnnl_convolution_direct, any[slot_x], any[slot_weights], any[slot_y], strides, dilation, before,
        before, hint, attributes);
  if (hint && p->direction == backward_weights)
    dnnl_convolution_backward_weights_primitive_desc_create(
        &found, engine, dnnl_convolution_direct, any[slot_x], any[slot_weights], bias, any[slot_y], strides, dilation,
        before, before, hint, attributes);
#else
  dnnl_convolution_desc_t convolution;
  if (!dnnl_dilated_convolution_forward_desc_init(
          &convolution, dnnl_forward_training, dnnl_convolution_direct, any[slot_x], any[slot_weights], forward_bias,
          any[slot_y], strides, dilation, before, before))
    dnnl_primitive_desc_create(&hint, &convolution, attributes, engine, NULL);
  if (hint && p->direction == backward_data &&
      !dnnl_dilated_convolution_backward_data_desc_init(
          &convolution, dnnl_convolution_direct, any[slot_x], any[slot_weights], any[slot_y], strides, dilation, before,
          before))
    dnnl_primitive_desc_create(&found, &convolution, attributes, engine, hint);
  if (hint && p->direction == backward_weights &&
      !dnnl_dilated_convolution_backward_weights_desc_init(
          &convolution, dnnl_convolution_direct, any[slot_x], any[slot_weights], bias, any[slot_y], strides, dilation,
          before, before))
    dnnl_primitive_desc_create(&found, &convolution, attributes, engine, hint);
#endif
  dnnl_primitive_attr_destroy(attributes);
  if (p->direction == forward) return hint;
  if (hint) dnnl_primitive_desc_destroy(hint);
  return found;
}

static int prepare(prepared *p) {
  const onednn_convolution *s = &p->shape;
  const int grouped = s->groups > 1;
  const dnnl_dims_t x = {s->items, s->inputs, s->height, s->width};
  const dnnl_dims_t y = {s->items, s->outputs, s->output_height, s->output_width};
  const dnnl_dims_t weights = {s->outputs, s->inputs, s->kernel_height, s->kernel_width};
  const dnnl_dims_t grouped_weights = {
      s->groups, s->outputs / s->groups, s->inputs / s->groups, s->kernel_height, s->kernel_width};
  const dnnl_dims_t bias = {s->outputs};
  layout any[slot_count] = {0};
  int made = 1;
  for (int tagged = 0; made && tagged < 2; tagged++) {
    layout *to = tagged ? p->plain : any;
    made = make_layout(&to[slot_x], 4, x, tagged ? dnnl_nchw : dnnl_format_tag_any) &&
           make_layout(&to[slot_y], 4, y, tagged ? dnnl_nchw : dnnl_format_tag_any) &&
           make_layout(&to[slot_weights], grouped ? 5 : 4, grouped ? grouped_weights : weights,
                       tagged ? (grouped ? dnnl_goihw : dnnl_oihw) : dnnl_format_tag_any) &&
           make_layout(&to[slot_bias], 1, bias, dnnl_x);
  }
  dnnl_primitive_desc_t description = made ? describe(p, any) : NULL;
  for (int slot = 0; slot < slot_count; slot++) free_layout(any[slot]);
  if (!description) return 0;
  made = dnnl_primitive_create(&p->primitive, description) == dnnl_success;
  if (made) {
    const dnnl_query_t queries[3] = {
        p->direction == backward_data ? dnnl_query_diff_src_md : dnnl_query_src_md,
        p->direction == backward_weights ? dnnl_query_diff_weights_md : dnnl_query_weights_md,
        p->direction == forward ? dnnl_query_dst_md : dnnl_query_diff_dst_md};
    const int output = p->direction == forward ? slot_y : p->direction == backward_data ? slot_x : slot_weights;
    for (int slot = 0; made && slot < 3; slot++) {
      p->wanted[slot] = copy_layout(dnnl_primitive_desc_query_md(description, queries[slot], 0));
      made = p->wanted[slot] != NULL;
      if (made && !dnnl_memory_desc_equal(p->wanted[slot], p->plain[slot]))
        made = slot == output ? prepare_reorder(p->wanted[slot], p->plain[slot], &p->reorder[slot])
                              : prepare_reorder(p->plain[slot], p->wanted[slot], &p->reorder[slot]);
    }
    p->scratch = copy_layout(dnnl_primitive_desc_query_md(description, dnnl_query_scratchpad_md, 0));
    made = made && p->scratch != NULL;
  }
  dnnl_primitive_desc_destroy(description);
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

static int run(prepared *p, float *const pointers[slot_count]) {
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
    good = !dnnl_memory_create(&plain[slot], p->plain[slot], engine, pointers[slot]);
    dnnl_memory_t used = plain[slot];
    if (good && p->reorder[slot]) {
      void *memory = buffer(slot, dnnl_memory_desc_get_size(p->wanted[slot]));
      good = memory && !dnnl_memory_create(&wanted[slot], p->wanted[slot], engine, memory);
      used = wanted[slot];
      if (good && slot != output) good = reorder(p->reorder[slot], plain[slot], used);
    }
    arguments[count++] = (dnnl_exec_arg_t){arguments_of[p->direction][slot], used};
  }
  size_t scratch_size = dnnl_memory_desc_get_size(p->scratch);
  if (good && scratch_size > 0) {
    void *memory = buffer(slot_count, scratch_size);
    good = memory && !dnnl_memory_create(&scratch, p->scratch, engine, memory);
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
  int done = p && p->works && run(p, pointers);
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

void onednn_release(void) {
  pthread_mutex_lock(&lock);
  while (all_prepared) {
    prepared *p = all_prepared;
    all_prepared = p->next;
    if (p->primitive) dnnl_primitive_destroy(p->primitive);
    for (int slot = 0; slot < slot_count; slot++) {
      if (p->reorder[slot]) dnnl_primitive_destroy(p->reorder[slot]);
      free_layout(p->plain[slot]);
      free_layout(p->wanted[slot]);
    }
    free_layout(p->scratch);
    free(p);
  }
  for (int slot = 0; slot <= slot_count; slot++) {
    free(buffers[slot].pointer);
    buffers[slot].pointer = NULL;
    buffers[slot].size = 0;
  }
  pthread_mutex_unlock(&lock);
}
