// The list of kernels, included once for every use made of it with KERNEL(name, parameters, arguments) and REAL defined.
//
// A kernel does the part `begin ..< end` of its work on the calling thread (whoever calls it divides the work), and exists
// for float and double and for every instruction set. Arrays are row-major and contiguous unless strides are given.

// Elementwise.
// a += b
KERNEL(add_into, (REAL *a, const REAL *b, long begin, long end), (a, b, begin, end))
// y = scale x + shift
KERNEL(affine, (const REAL *x, REAL *y, double scale, double shift, long begin, long end),
       (x, y, scale, shift, begin, end))
// y = f(x); kind is an activation_kind
KERNEL(activation_forward, (int kind, double parameter, const REAL *x, REAL *y, long begin, long end),
       (kind, parameter, x, y, begin, end))
// dx = f'(x) g, y being f(x)
KERNEL(activation_backward,
       (int kind, double parameter, const REAL *x, const REAL *y, const REAL *g, REAL *dx, long begin, long end),
       (kind, parameter, x, y, g, dx, begin, end))
// y = a (op) b over rows of `length`: the strides within a row are 0 or 1; offsets of row r follow from the outer axes.
KERNEL(binary,
       (int kind, const REAL *a, const REAL *b, REAL *y, int rank, const long *shape, const long *a_strides,
        const long *b_strides, long begin, long end),
       (kind, a, b, y, rank, shape, a_strides, b_strides, begin, end))
// y[row, :] += bias
KERNEL(add_bias_rows, (const REAL *bias, REAL *y, long columns, long begin, long end), (bias, y, columns, begin, end))
// y[plane, :] += bias[plane % channels] for planes of `length` elements
KERNEL(add_bias_planes, (const REAL *bias, REAL *y, long channels, long length, long begin, long end),
       (bias, y, channels, length, begin, end))
// y[row, c] = x[row, c] + keep[row / rows_per_item] scale[c] branch[row, c]; scale or keep may be null
KERNEL(residual_forward,
       (const REAL *x, const REAL *branch, const REAL *scale, const REAL *keep, REAL *y, long rows_per_item,
        long columns, long begin, long end),
       (x, branch, scale, keep, y, rows_per_item, columns, begin, end))
// d_branch = keep scale g (unless null) and d_scale (this range's share, overwritten, unless null) = sum keep g branch
KERNEL(residual_backward,
       (const REAL *g, const REAL *branch, const REAL *scale, const REAL *keep, REAL *d_branch, REAL *d_scale,
        long rows_per_item, long columns, long begin, long end),
       (g, branch, scale, keep, d_branch, d_scale, rows_per_item, columns, begin, end))

// Moving elements.
// y (contiguous) = x at strides; rows are the product of all axes but the last
KERNEL(strided_copy, (const REAL *x, REAL *y, int rank, const long *shape, const long *strides, long begin, long end),
       (x, y, rank, shape, strides, begin, end))
// y[b, c, r] = x[b, r, c] for the tiles of all b
KERNEL(transpose, (const REAL *x, REAL *y, long rows, long columns, long begin, long end),
       (x, y, rows, columns, begin, end))
// y[k, :] = x[index[k], :]
KERNEL(gather_rows, (const REAL *x, const int *index, REAL *y, long columns, long begin, long end),
       (x, index, y, columns, begin, end))
// For the rows begin ..< end of y: y[index[k], :] += g[k, :], k ascending
KERNEL(scatter_add_rows, (const REAL *g, const int *index, REAL *y, long count, long columns, long begin, long end),
       (g, index, y, count, columns, begin, end))

// Sums.
// y[row] = sum x[row, :]
KERNEL(sum_rows, (const REAL *x, REAL *y, long columns, long begin, long end), (x, y, columns, begin, end))
// y[c] = sum over rows begin ..< end of x[row, c]
KERNEL(sum_columns, (const REAL *x, REAL *y, long columns, long begin, long end), (x, y, columns, begin, end))
// *y = sum over begin ..< end of x^2
KERNEL(sum_squares, (const REAL *x, double *y, long begin, long end), (x, y, begin, end))

// Norms of rows.
// y, or GELU of it where said; mean and scale unless null
KERNEL(layer_norm_forward,
       (const REAL *x, const REAL *weight, const REAL *bias, REAL *y, REAL *mean, REAL *scale, long columns,
        double epsilon, int gelu, long begin, long end),
       (x, weight, bias, y, mean, scale, columns, epsilon, gelu, begin, end))
// dx unless null (with GELU it may not be); d_weight and d_bias (this range's share, overwritten) unless null
KERNEL(layer_norm_backward,
       (const REAL *x, const REAL *weight, const REAL *bias, const REAL *mean, const REAL *scale, const REAL *g,
        REAL *dx, REAL *d_weight, REAL *d_bias, long columns, int gelu, long begin, long end),
       (x, weight, bias, mean, scale, g, dx, d_weight, d_bias, columns, gelu, begin, end))
// y = x / max(|x|, epsilon); norm holds max(|x|, epsilon), negative where epsilon was the greater
KERNEL(normalize_forward, (const REAL *x, REAL *y, REAL *norm, long columns, double epsilon, long begin, long end),
       (x, y, norm, columns, epsilon, begin, end))
KERNEL(normalize_backward, (const REAL *y, const REAL *norm, const REAL *g, REAL *dx, long columns, long begin, long end),
       (y, norm, g, dx, columns, begin, end))

// Norms of images by whole channels, with a leaky ReLU of that slope behind them (1 for none): see ChannelNorms.h.
// Of every plane, or of every channel of the rows begin ..< end, the mean and the sum of squared distances from it.
KERNEL(plane_moments, (const REAL *x, double *mean, double *squares, long length, long begin, long end),
       (x, mean, squares, length, begin, end))
KERNEL(row_moments, (const REAL *x, double *mean, double *squares, long channels, long begin, long end),
       (x, mean, squares, channels, begin, end))
// y = leaky((x - mean) factor + shift), these three for each (image, channel)
KERNEL(plane_norm,
       (const REAL *x, const REAL *mean, const REAL *factor, const REAL *shift, REAL *y, double slope, long length,
        long begin, long end),
       (x, mean, factor, shift, y, slope, length, begin, end))
KERNEL(row_norm,
       (const REAL *x, const REAL *mean, const REAL *factor, const REAL *shift, REAL *y, double slope, long channels,
        long rows, long begin, long end),
       (x, mean, factor, shift, y, slope, channels, rows, begin, end))
// Sums of d, the gradient before the leaky ReLU, and of d (x - mean); dx = factor d unless null.
KERNEL(plane_norm_sums,
       (const REAL *x, const REAL *mean, const REAL *factor, const REAL *shift, const REAL *g, REAL *dx, double *sums,
        double *products, double slope, long length, long begin, long end),
       (x, mean, factor, shift, g, dx, sums, products, slope, length, begin, end))
KERNEL(row_norm_sums,
       (const REAL *x, const REAL *mean, const REAL *factor, const REAL *shift, const REAL *g, REAL *dx, double *sums,
        double *products, double slope, long channels, long begin, long end),
       (x, mean, factor, shift, g, dx, sums, products, slope, channels, begin, end))
// dx = factor d - level - tilt (x - mean)
KERNEL(plane_norm_backward,
       (const REAL *x, const REAL *mean, const REAL *factor, const REAL *shift, const REAL *level, const REAL *tilt,
        const REAL *g, REAL *dx, double slope, long length, long begin, long end),
       (x, mean, factor, shift, level, tilt, g, dx, slope, length, begin, end))
KERNEL(row_norm_backward,
       (const REAL *x, const REAL *mean, const REAL *factor, const REAL *shift, const REAL *level, const REAL *tilt,
        const REAL *g, REAL *dx, double slope, long channels, long rows, long begin, long end),
       (x, mean, factor, shift, level, tilt, g, dx, slope, channels, rows, begin, end))

// Softmax of rows.
KERNEL(softmax_forward, (int logarithm, const REAL *x, REAL *y, long columns, long begin, long end),
       (logarithm, x, y, columns, begin, end))
KERNEL(softmax_backward, (int logarithm, const REAL *y, const REAL *g, REAL *dx, long columns, long begin, long end),
       (logarithm, y, g, dx, columns, begin, end))

// Parts of matrix products, which kernel_gemm calls: see MatrixProducts.h.
KERNEL(gemm_pack, (const matrix_product *product, REAL *packed, long first, long count, long begin, long end),
       (product, packed, first, count, begin, end))
KERNEL(gemm_block,
       (const matrix_product *product, const REAL *packed, long first, long count, long column_begin, long column_end,
        long begin, long end),
       (product, packed, first, count, column_begin, column_end, begin, end))
KERNEL(gemm_add_parts, (const matrix_product *product, const REAL *sums, long pitch, long parts),
       (product, sums, pitch, parts))

// Attention: see attention_shape. The range counts (item, head) to pack and backward, (item, head, query block) forward.
KERNEL(attention_pack, (const attention_shape *shape, const REAL *key, const REAL *value, REAL *packed, long begin, long end),
       (shape, key, value, packed, begin, end))
KERNEL(attention_forward,
       (const attention_shape *shape, const REAL *query, const REAL *packed, REAL *output, REAL *log_sum, long begin,
        long end),
       (shape, query, packed, output, log_sum, begin, end))
KERNEL(attention_backward,
       (const attention_shape *shape, const REAL *query, const REAL *key, const REAL *value, const REAL *output,
        const REAL *log_sum, const REAL *g, REAL *d_query, REAL *d_key, REAL *d_value, long begin, long end),
       (shape, query, key, value, output, log_sum, g, d_query, d_key, d_value, begin, end))
// Rotates the rows [tokens, heads, depth] of one range of (item, token); backward turns the other way.
KERNEL(rotary,
       (int backward, const REAL *x, const REAL *cosine, const REAL *sine, REAL *y, long tokens, long heads,
        long depth, long prefix, long begin, long end),
       (backward, x, cosine, sine, y, tokens, heads, depth, prefix, begin, end))

// Deformable attention: see deformable_shape. The range counts (item, query) forward and (item, head) backward.
KERNEL(deformable_forward,
       (const deformable_shape *shape, const REAL *value, const REAL *place, const REAL *weight, REAL *output,
        long begin, long end),
       (shape, value, place, weight, output, begin, end))
KERNEL(deformable_backward,
       (const deformable_shape *shape, const REAL *value, const REAL *place, const REAL *weight, const REAL *g,
        REAL *d_value, REAL *d_place, REAL *d_weight, long begin, long end),
       (shape, value, place, weight, g, d_value, d_place, d_weight, begin, end))

// Convolution as matrix products. columns[(c, ky, kx), (oy, ox)] of one image's channels; the range counts channels.
KERNEL(image_to_columns, (const image_window *window, const REAL *x, REAL *columns, long begin, long end),
       (window, x, columns, begin, end))
// x += the columns' sums where they came from
KERNEL(columns_to_image, (const image_window *window, const REAL *columns, REAL *x, long begin, long end),
       (window, columns, x, begin, end))

// Convolution by 3 x 3 with few multiplications: see Winograd.h and winograd_image. The range counts tiles, panels of columns,
// outputs or positions.
KERNEL(winograd_patches,
       (const winograd_image *image, const REAL *x, REAL *v, long step, long pitch, long panel_step, long begin, long end),
       (image, x, v, step, pitch, panel_step, begin, end))
KERNEL(winograd_slopes,
       (const winograd_image *image, const REAL *dy, REAL *z, long step, long pitch, long begin, long end),
       (image, dy, z, step, pitch, begin, end))
KERNEL(winograd_results,
       (const winograd_image *image, const REAL *m, long step, long pitch, const REAL *bias, REAL *y, long begin, long end),
       (image, m, step, pitch, bias, y, begin, end))
KERNEL(winograd_kernels,
       (const REAL *g, long depth_step, long column_step, int turned, long depth, REAL *u, long step, long begin, long end),
       (g, depth_step, column_step, turned, depth, u, step, begin, end))
KERNEL(winograd_kernel_slopes, (const REAL *du, long step, long inputs, REAL *dg, long begin, long end),
       (du, step, inputs, dg, begin, end))
KERNEL(winograd_products,
       (const REAL *v, long v_step, long v_pitch, const REAL *u, long u_step, REAL *m, long m_step, long m_pitch, long rows,
        long depth, long panels, long begin, long end),
       (v, v_step, v_pitch, u, u_step, m, m_step, m_pitch, rows, depth, panels, begin, end))
KERNEL(winograd_kernel_products,
       (const REAL *z, long z_step, long z_pitch, const REAL *v, long v_step, long v_panel_step, REAL *du, long du_step,
        REAL *d_bias, long tiles, long inputs, long outputs, long begin, long end),
       (z, z_step, z_pitch, v, v_step, v_panel_step, du, du_step, d_bias, tiles, inputs, outputs, begin, end))

// Greatest values of windows of planes and where they lie; the range counts planes. Every window must meet the image.
KERNEL(max_pool_forward, (const image_window *window, const REAL *x, REAL *y, int *index, long begin, long end),
       (window, x, y, index, begin, end))
KERNEL(max_pool_backward, (const image_window *window, const int *index, const REAL *g, REAL *dx, long begin, long end),
       (window, index, g, dx, begin, end))

// Depthwise convolution, stride 1, of images [N, H, W, C] by kernels [kernel height, kernel width, C]; the range counts rows
// (item, row) of y. The bias may be null.
KERNEL(depthwise_forward,
       (const image_window *window, const REAL *x, const REAL *kernel, const REAL *bias, REAL *y, long channels,
        long begin, long end),
       (window, x, kernel, bias, y, channels, begin, end))
// d_kernel (this range's share, overwritten)
KERNEL(depthwise_backward_kernel,
       (const image_window *window, const REAL *x, const REAL *g, REAL *d_kernel, long channels, long begin, long end),
       (window, x, g, d_kernel, channels, begin, end))

// y[p, :] = sum_k weight[k] x[p, index[k], :] for the k from start[i] to start[i + 1]; the range counts (plane, i).
// x is [planes, input, inner], y is [planes, output, inner].
KERNEL(resample,
       (const REAL *x, REAL *y, const int *start, const int *index, const double *weight, long input, long output,
        long inner, long begin, long end),
       (x, y, start, index, weight, input, output, inner, begin, end))

// Losses on logits [N, C, plane] with int labels [N, plane]; the range counts blocks of LOSS_BLOCK pixels of all images.
// *loss = this range's sum of -log softmax(logits)[label] over the labels >= 0
KERNEL(cross_entropy_forward,
       (const REAL *logits, const int *labels, double *loss, long channels, long plane, long begin, long end),
       (logits, labels, loss, channels, plane, begin, end))
KERNEL(cross_entropy_backward,
       (const REAL *logits, const int *labels, REAL *dx, double factor, long channels, long plane, long begin,
        long end),
       (logits, labels, dx, factor, channels, plane, begin, end))
// sums[3, C] = this range's sums of p t, p and t for every class; the range lies within one image
KERNEL(soft_dice_sums,
       (const REAL *logits, const int *labels, double *sums, long channels, long plane, long image, long begin,
        long end),
       (logits, labels, sums, channels, plane, image, begin, end))
// dx = softmax's vector-Jacobian product with h[c] = a[c] t + b[c] (zero for ignored pixels)
KERNEL(soft_dice_backward,
       (const REAL *logits, const int *labels, const double *a, const double *b, REAL *dx, long channels, long plane,
        long image, long begin, long end),
       (logits, labels, a, b, dx, channels, plane, image, begin, end))
// The same for regions that may overlap, a channel each: bit c % 32 of members[c / 32, label] says whether a label belongs to
// channel c's region.
// *loss = this range's sum over channels and labels >= 0 of max(x, 0) - x t + log(1 + e^-|x|)
KERNEL(region_cross_entropy_forward,
       (const REAL *logits, const int *labels, const unsigned *members, double *loss, long channels, long classes,
        long plane, long begin, long end),
       (logits, labels, members, loss, channels, classes, plane, begin, end))
KERNEL(region_cross_entropy_backward,
       (const REAL *logits, const int *labels, const unsigned *members, REAL *dx, double factor, long channels,
        long classes, long plane, long begin, long end),
       (logits, labels, members, dx, factor, channels, classes, plane, begin, end))
// sums[3, C] = this range's sums of p t, p and t for every region, p = sigmoid(x); the range lies within one image
KERNEL(region_dice_sums,
       (const REAL *logits, const int *labels, const unsigned *members, double *sums, long channels, long classes,
        long plane, long image, long begin, long end),
       (logits, labels, members, sums, channels, classes, plane, image, begin, end))
// dx = (a[c] t + b[c]) p (1 - p) (zero for ignored pixels)
KERNEL(region_dice_backward,
       (const REAL *logits, const int *labels, const unsigned *members, const double *a, const double *b, REAL *dx,
        long channels, long classes, long plane, long image, long begin, long end),
       (logits, labels, members, a, b, dx, channels, classes, plane, image, begin, end))

// Training's updates.
// Decoupled weight decay: p -= rate (decay p + (m / correction1) / (sqrt(v / correction2) + epsilon)), g scaled first
KERNEL(adamw,
       (REAL *p, const REAL *g, REAL *m, REAL *v, const adamw_step *step, long begin, long end),
       (p, g, m, v, step, begin, end))
// v = momentum v + d, p -= rate v or, with Nesterov, rate (d + momentum v), where d = gradient_scale g + decay p
KERNEL(sgd, (REAL *p, const REAL *g, REAL *v, const sgd_step *step, long begin, long end), (p, g, v, step, begin, end))
// y += share (x - y)
KERNEL(move_towards, (REAL *y, const REAL *x, double share, long begin, long end), (y, x, share, begin, end))
