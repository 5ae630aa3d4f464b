// Binary cross-entropy and soft Dice of regions that may overlap: logits [N, C, plane], a channel a region. For every 32
// channels a table has a word for each label, whose bit c % 32 says whether the label belongs to the region of channel c.

// The words of a block's pixels; 0 for ignored ones.
static inline void NAME(block_members)(
    const unsigned *members, const int *label, long classes, long channel, long width, unsigned *words) {
  const unsigned *table = members + channel / 32 * classes;
  for (long i = 0; i < width; i++) words[i] = label[i] < 0 ? 0 : table[label[i]];
}

static void NAME(region_cross_entropy_forward)(
    const REAL *logits, const int *labels, const unsigned *members, double *loss, long channels, long classes,
    long plane, long begin, long end) {
  long blocks = (plane + pixel_block - 1) / pixel_block;
  double total = 0;
  for (long block = begin; block < end; block++) {
    long image = block / blocks, first = block % blocks * pixel_block;
    long width = plane - first < pixel_block ? plane - first : pixel_block;
    const REAL *from = logits + image * channels * plane + first;
    const int *label = labels + image * plane + first;
    // The sum of log(1 + e) over channels is the logarithm of a product, at most 2^16 for 16 of them.
    REAL linear[pixel_block], product[pixel_block];
    unsigned words[pixel_block];
    for (long c = 0; c < channels; c++) {
      if (c % 32 == 0) NAME(block_members)(members, label, classes, c, width, words);
      if (c % 16 == 0)
        for (long i = 0; i < width; i++) {
          linear[i] = 0;
          product[i] = 1;
        }
      for (long i = 0; i < width; i++) {
        REAL x = from[c * plane + i], t = (REAL)(int)(words[i] >> c % 32 & 1);
        REAL positive = x > 0 ? x : 0;
        linear[i] += FMA(-x, t, positive);
        product[i] = FMA(product[i], NAME(exp)(FMA((REAL)-2, positive, x)), product[i]);
      }
      if (c % 16 == 15 || c + 1 == channels) {
        for (long i = 0; i < width; i++) product[i] = NAME(log)(product[i]);
        for (long i = 0; i < width; i++)
          if (label[i] >= 0) total += (double)linear[i] + (double)product[i];
      }
    }
  }
  *loss = total;
}

static void NAME(region_cross_entropy_backward)(
    const REAL *logits, const int *labels, const unsigned *members, REAL *dx, double factor, long channels,
    long classes, long plane, long begin, long end) {
  long blocks = (plane + pixel_block - 1) / pixel_block;
  for (long block = begin; block < end; block++) {
    long image = block / blocks, first = block % blocks * pixel_block;
    long width = plane - first < pixel_block ? plane - first : pixel_block;
    const REAL *from = logits + image * channels * plane + first;
    REAL *to = dx + image * channels * plane + first;
    const int *label = labels + image * plane + first;
    REAL weight[pixel_block];
    unsigned words[pixel_block];
    for (long i = 0; i < width; i++) weight[i] = label[i] < 0 ? 0 : (REAL)factor;
    for (long c = 0; c < channels; c++) {
      if (c % 32 == 0) NAME(block_members)(members, label, classes, c, width, words);
      for (long i = 0; i < width; i++) {
        REAL t = (REAL)(int)(words[i] >> c % 32 & 1);
        to[c * plane + i] = weight[i] * (NAME(sigmoid)(from[c * plane + i]) - t);
      }
    }
  }
}

static void NAME(region_dice_sums)(
    const REAL *logits, const int *labels, const unsigned *members, double *sums, long channels, long classes,
    long plane, long image, long begin, long end) {
  double *both = sums, *predicted = sums + channels, *reference = sums + 2 * channels;
  for (long k = 0; k < 3 * channels; k++) sums[k] = 0;
  for (long block = begin; block < end; block++) {
    long first = block * pixel_block;
    long width = plane - first < pixel_block ? plane - first : pixel_block;
    const REAL *from = logits + image * channels * plane + first;
    const int *label = labels + image * plane + first;
    REAL keep[pixel_block];
    unsigned words[pixel_block];
    for (long i = 0; i < width; i++) keep[i] = label[i] < 0 ? 0 : 1;
    for (long c = 0; c < channels; c++) {
      if (c % 32 == 0) NAME(block_members)(members, label, classes, c, width, words);
      REAL p[pixel_block], t[pixel_block];
      unsigned count = 0;
      for (long i = 0; i < width; i++) {
        const unsigned is_member = words[i] >> c % 32 & 1;
        count += is_member;
        t[i] = (REAL)(int)is_member;
        p[i] = keep[i] * NAME(sigmoid)(from[c * plane + i]);
      }
      both[c] += (double)NAME(row_product)(p, t, width);
      predicted[c] += (double)NAME(row_sum)(p, width);
      reference[c] += (double)count;
    }
  }
}

static void NAME(region_dice_backward)(
    const REAL *logits, const int *labels, const unsigned *members, const double *a, const double *b, REAL *dx,
    long channels, long classes, long plane, long image, long begin, long end) {
  for (long block = begin; block < end; block++) {
    long first = block * pixel_block;
    long width = plane - first < pixel_block ? plane - first : pixel_block;
    const REAL *from = logits + image * channels * plane + first;
    REAL *to = dx + image * channels * plane + first;
    const int *label = labels + image * plane + first;
    REAL keep[pixel_block];
    unsigned words[pixel_block];
    for (long i = 0; i < width; i++) keep[i] = label[i] < 0 ? 0 : 1;
    for (long c = 0; c < channels; c++) {
      if (c % 32 == 0) NAME(block_members)(members, label, classes, c, width, words);
      const REAL byProduct = (REAL)a[c], byPrediction = (REAL)b[c];
      for (long i = 0; i < width; i++) {
        REAL p = NAME(sigmoid)(from[c * plane + i]), t = (REAL)(int)(words[i] >> c % 32 & 1);
        to[c * plane + i] = keep[i] * FMA(byProduct, t, byPrediction) * p * (1 - p);
      }
    }
  }
}
