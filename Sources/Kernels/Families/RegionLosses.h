// Binary cross-entropy and soft Dice of regions that may overlap: logits [N, C, plane], a channel a region. A table says for
// each channel which labels belong to its region.

static void NAME(region_cross_entropy_forward)(
    const REAL *logits, const int *labels, const REAL *member, double *loss, long channels, long classes, long plane,
    long begin, long end) {
  long blocks = (plane + pixel_block - 1) / pixel_block;
  double total = 0;
  for (long block = begin; block < end; block++) {
    long image = block / blocks, first = block % blocks * pixel_block;
    long width = plane - first < pixel_block ? plane - first : pixel_block;
    const REAL *from = logits + image * channels * plane + first;
    const int *label = labels + image * plane + first;
    // The sum of log(1 + e) over channels is the logarithm of a product, at most 2^16 for 16 of them.
    REAL linear[pixel_block], product[pixel_block];
    for (long c = 0; c < channels; c++) {
      const REAL *table = member + c * classes;
      if (c % 16 == 0)
        for (long i = 0; i < width; i++) {
          linear[i] = 0;
          product[i] = 1;
        }
      for (long i = 0; i < width; i++) {
        REAL x = from[c * plane + i], t = table[label[i] < 0 ? 0 : label[i]];
        REAL positive = x > 0 ? x : 0;
        linear[i] += positive - x * t;
        product[i] *= 1 + NAME(exp)(x - 2 * positive);
      }
      if (c % 16 == 15 || c + 1 == channels)
        for (long i = 0; i < width; i++)
          if (label[i] >= 0) total += (double)linear[i] + log((double)product[i]);
    }
  }
  *loss = total;
}

static void NAME(region_cross_entropy_backward)(
    const REAL *logits, const int *labels, const REAL *member, REAL *dx, double factor, long channels, long classes,
    long plane, long begin, long end) {
  long blocks = (plane + pixel_block - 1) / pixel_block;
  for (long block = begin; block < end; block++) {
    long image = block / blocks, first = block % blocks * pixel_block;
    long width = plane - first < pixel_block ? plane - first : pixel_block;
    const REAL *from = logits + image * channels * plane + first;
    REAL *to = dx + image * channels * plane + first;
    const int *label = labels + image * plane + first;
    for (long c = 0; c < channels; c++) {
      const REAL *table = member + c * classes;
      for (long i = 0; i < width; i++) {
        REAL t = table[label[i] < 0 ? 0 : label[i]], weight = label[i] < 0 ? 0 : (REAL)factor;
        to[c * plane + i] = weight * (NAME(sigmoid)(from[c * plane + i]) - t);
      }
    }
  }
}

static void NAME(region_dice_sums)(
    const REAL *logits, const int *labels, const REAL *member, double *sums, long channels, long classes, long plane,
    long image, long begin, long end) {
  double *both = sums, *predicted = sums + channels, *reference = sums + 2 * channels;
  for (long k = 0; k < 3 * channels; k++) sums[k] = 0;
  for (long block = begin; block < end; block++) {
    long first = block * pixel_block;
    long width = plane - first < pixel_block ? plane - first : pixel_block;
    const REAL *from = logits + image * channels * plane + first;
    const int *label = labels + image * plane + first;
    for (long c = 0; c < channels; c++) {
      const REAL *table = member + c * classes;
      REAL joint = 0, probabilities = 0, members = 0;
      for (long i = 0; i < width; i++) {
        REAL keep = label[i] < 0 ? 0 : 1, t = keep * table[label[i] < 0 ? 0 : label[i]];
        REAL p = keep * NAME(sigmoid)(from[c * plane + i]);
        joint += p * t;
        probabilities += p;
        members += t;
      }
      both[c] += (double)joint;
      predicted[c] += (double)probabilities;
      reference[c] += (double)members;
    }
  }
}

static void NAME(region_dice_backward)(
    const REAL *logits, const int *labels, const REAL *member, const double *a, const double *b, REAL *dx,
    long channels, long classes, long plane, long image, long begin, long end) {
  for (long block = begin; block < end; block++) {
    long first = block * pixel_block;
    long width = plane - first < pixel_block ? plane - first : pixel_block;
    const REAL *from = logits + image * channels * plane + first;
    REAL *to = dx + image * channels * plane + first;
    const int *label = labels + image * plane + first;
    for (long c = 0; c < channels; c++) {
      const REAL *table = member + c * classes;
      const REAL byProduct = (REAL)a[c], byPrediction = (REAL)b[c];
      for (long i = 0; i < width; i++) {
        REAL p = NAME(sigmoid)(from[c * plane + i]), keep = label[i] < 0 ? 0 : 1;
        REAL t = table[label[i] < 0 ? 0 : label[i]];
        to[c * plane + i] = keep * (byProduct * t + byPrediction) * p * (1 - p);
      }
    }
  }
}
