// Cross-entropy and soft Dice over the channels of logits [N, C, plane]; no array of their size but the gradient.

// Softmax over the channels of one block of pixels: e[c][i] = e^(x - max) and the sums; returns nothing when width is 0.
static inline void NAME(block_softmax)(
    const REAL *restrict from, long channels, long plane, long width, REAL *restrict e, REAL *restrict greatest,
    REAL *restrict sum) {
  for (long i = 0; i < width; i++) {
    greatest[i] = from[i];
    sum[i] = 0;
  }
  for (long c = 1; c < channels; c++)
    for (long i = 0; i < width; i++) {
      REAL value = from[c * plane + i];
      greatest[i] = value > greatest[i] ? value : greatest[i];
    }
  for (long c = 0; c < channels; c++)
    for (long i = 0; i < width; i++) {
      REAL value = NAME(exp)(from[c * plane + i] - greatest[i]);
      e[c * pixel_block + i] = value;
      sum[i] += value;
    }
}

// Memory for a block of pixels of every channel.
static REAL *NAME(channel_blocks)(long channels) {
  const size_t size = (size_t)(channels * pixel_block) * sizeof(REAL);
  return kernels_required(malloc(size), size);
}

static void NAME(cross_entropy_forward)(
    const REAL *logits, const int *labels, double *loss, long channels, long plane, long begin, long end) {
  long blocks = (plane + pixel_block - 1) / pixel_block;
  REAL *e = NAME(channel_blocks)(channels);
  double total = 0;
  for (long block = begin; block < end; block++) {
    long image = block / blocks, first = block % blocks * pixel_block;
    long width = plane - first < pixel_block ? plane - first : pixel_block;
    const REAL *from = logits + image * channels * plane + first;
    const int *label = labels + image * plane + first;
    REAL greatest[pixel_block], sum[pixel_block];
    NAME(block_softmax)(from, channels, plane, width, e, greatest, sum);
    for (long i = 0; i < width; i++) sum[i] = NAME(log)(sum[i]);
    for (long i = 0; i < width; i++)
      if (label[i] >= 0) total += (double)sum[i] + (double)greatest[i] - (double)from[label[i] * plane + i];
  }
  free(e);
  *loss = total;
}

static void NAME(cross_entropy_backward)(
    const REAL *logits, const int *labels, REAL *dx, double factor, long channels, long plane, long begin, long end) {
  long blocks = (plane + pixel_block - 1) / pixel_block;
  REAL *e = NAME(channel_blocks)(channels);
  for (long block = begin; block < end; block++) {
    long image = block / blocks, first = block % blocks * pixel_block;
    long width = plane - first < pixel_block ? plane - first : pixel_block;
    const REAL *from = logits + image * channels * plane + first;
    REAL *to = dx + image * channels * plane + first;
    const int *label = labels + image * plane + first;
    REAL greatest[pixel_block], sum[pixel_block];
    NAME(block_softmax)(from, channels, plane, width, e, greatest, sum);
    for (long i = 0; i < width; i++) sum[i] = label[i] >= 0 ? (REAL)factor / sum[i] : 0;
    for (long c = 0; c < channels; c++)
      for (long i = 0; i < width; i++) to[c * plane + i] = e[c * pixel_block + i] * sum[i];
    for (long i = 0; i < width; i++)
      if (label[i] >= 0) to[label[i] * plane + i] -= (REAL)factor;
  }
  free(e);
}

static void NAME(soft_dice_sums)(
    const REAL *logits, const int *labels, double *sums, long channels, long plane, long image, long begin,
    long end) {
  REAL *e = NAME(channel_blocks)(channels);
  double *both = sums, *predicted = sums + channels, *reference = sums + 2 * channels;
  for (long k = 0; k < 3 * channels; k++) sums[k] = 0;
  for (long block = begin; block < end; block++) {
    long first = block * pixel_block;
    long width = plane - first < pixel_block ? plane - first : pixel_block;
    const int *label = labels + image * plane + first;
    REAL greatest[pixel_block], sum[pixel_block];
    NAME(block_softmax)(logits + image * channels * plane + first, channels, plane, width, e, greatest, sum);
    for (long i = 0; i < width; i++) sum[i] = label[i] >= 0 ? 1 / sum[i] : 0;
    for (long c = 0; c < channels; c++)
      predicted[c] += (double)NAME(row_product)(e + c * pixel_block, sum, width);
    for (long i = 0; i < width; i++)
      if (label[i] >= 0) {
        both[label[i]] += (double)(e[label[i] * pixel_block + i] * sum[i]);
        reference[label[i]] += 1;
      }
  }
  free(e);
}

static void NAME(soft_dice_backward)(
    const REAL *logits, const int *labels, const double *a, const double *b, REAL *dx, long channels, long plane,
    long image, long begin, long end) {
  REAL *e = NAME(channel_blocks)(channels);
  for (long block = begin; block < end; block++) {
    long first = block * pixel_block;
    long width = plane - first < pixel_block ? plane - first : pixel_block;
    const int *label = labels + image * plane + first;
    REAL *to = dx + image * channels * plane + first;
    REAL greatest[pixel_block], sum[pixel_block], product[pixel_block];
    NAME(block_softmax)(logits + image * channels * plane + first, channels, plane, width, e, greatest, sum);
    for (long i = 0; i < width; i++) {
      sum[i] = label[i] >= 0 ? 1 / sum[i] : 0;
      product[i] = label[i] >= 0 ? (REAL)a[label[i]] * e[label[i] * pixel_block + i] * sum[i] : 0;
    }
    for (long c = 0; c < channels; c++) {
      const REAL constant = (REAL)b[c];
      for (long i = 0; i < width; i++) {
        REAL probability = e[c * pixel_block + i] * sum[i];
        e[c * pixel_block + i] = probability;
        product[i] = FMA(constant, probability, product[i]);
      }
    }
    for (long c = 0; c < channels; c++) {
      const REAL constant = (REAL)b[c];
      for (long i = 0; i < width; i++) to[c * plane + i] = e[c * pixel_block + i] * (constant - product[i]);
    }
    for (long i = 0; i < width; i++)
      if (label[i] >= 0) {
        REAL *at = to + label[i] * plane + i;
        *at = FMA((REAL)a[label[i]], e[label[i] * pixel_block + i], *at);
      }
  }
  free(e);
}
