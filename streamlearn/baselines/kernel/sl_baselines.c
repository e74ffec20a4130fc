/*
 * Baselines beside a run: what each would have predicted of a row, and then it learns the row.
 *
 * Sizes are arguments: one library does for every stream. Nothing is allocated, and time and memory
 * per row do not depend on how many rows came. A row without a label (-1) is predicted only.
 */
#include <math.h>
#include <stddef.h>
#include <stdint.h>

#define SLB_EXPORT __attribute__((visibility("default")))

static const double LIMIT = 8.0; /* of a standardised value, as the learners' front end has it */
/* Bytes in which a row is kept: so many at a time are compared, and the last of them are 0. */
enum { WIDTH = 32 };
static const double STEPS = 16.0; /* of a standardised value in a byte */

/* Running mean and variance that include the row: streamlearn.baselines.RunningStandardizer.
 * `front` is the count, then the means, then the variances. */
static void standardise(const float *x, size_t n, double window, int learn, double *front,
                        double *z) {
    double *const mean = front + 1;
    double *const variance = mean + n;
    const double seen = front[0] + 1.0;
    const double rate = 1.0 / (seen < window ? seen : window);
    for (size_t i = 0; i < n; i++) {
        const double value = (double)x[i];
        const double delta = value - mean[i];
        const double m = mean[i] + delta * rate;
        const double v = variance[i] + (delta * (value - m) - variance[i]) * rate;
        const double scaled = v > 0.0 ? (value - m) / sqrt(v) : 0.0;
        z[i] = scaled > LIMIT ? LIMIT : scaled < -LIMIT ? -LIMIT : scaled;
        if (learn) {
            mean[i] = m;
            variance[i] = v;
        }
    }
    if (learn) {
        front[0] = seen;
    }
}

/* out = W^T in + b. W is [inputs][outputs]: the inner loop needs no sum across lanes. */
static void layer(const double *w, const double *in, size_t inputs, size_t outputs, double *out) {
    const double *const bias = w + inputs * outputs;
    for (size_t j = 0; j < outputs; j++) {
        out[j] = bias[j];
    }
    for (size_t i = 0; i < inputs; i++) {
        const double value = in[i];
        const double *const row = w + i * outputs;
        for (size_t j = 0; j < outputs; j++) {
            out[j] += row[j] * value;
        }
    }
}

/* back = W delta, unless nobody asks (NULL); then one step of SGD. */
static void descend(double *w, const double *in, size_t inputs, size_t outputs, const double *delta,
                    double lr, double *back) {
    double *const bias = w + inputs * outputs;
    for (size_t i = 0; i < inputs; i++) {
        double *const row = w + i * outputs;
        const double step = lr * in[i];
        if (back) {
            double total = 0.0;
            for (size_t j = 0; j < outputs; j++) {
                total += row[j] * delta[j];
            }
            back[i] = in[i] > 0.0 ? total : 0.0; /* through the ReLU */
        }
        for (size_t j = 0; j < outputs; j++) {
            row[j] -= step * delta[j];
        }
    }
    for (size_t j = 0; j < outputs; j++) {
        bias[j] -= lr * delta[j];
    }
}

static size_t largest(const double *values, size_t n) {
    size_t best = 0;
    for (size_t k = 1; k < n; k++) {
        if (values[k] > values[best]) {
            best = k;
        }
    }
    return best;
}

/*
 * The outputs of a ReLU network.
 * `values` has room for every layer's units, the inputs already in it, and twice the widest layer.
 */
static double *forward(const double *weights, const uint32_t *sizes, size_t n_layers,
                       double *values) {
    double *in = values;
    for (size_t k = 0; k + 1 < n_layers; k++) {
        double *const out = in + sizes[k];
        layer(weights, in, sizes[k], sizes[k + 1], out);
        if (k + 2 < n_layers) {
            for (size_t j = 0; j < sizes[k + 1]; j++) {
                out[j] = out[j] > 0.0 ? out[j] : 0.0;
            }
        }
        weights += ((size_t)sizes[k] + 1) * sizes[k + 1];
        in = out;
    }
    return in;
}

/* One step of plain SGD; the errors of the outputs lie behind them. */
static void backward(double *weights, const uint32_t *sizes, size_t n_layers, double lr,
                     double *outputs) {
    double *in = outputs;
    double *w = weights;
    size_t widest = 0;
    for (size_t k = 0; k < n_layers; k++) {
        widest = sizes[k] > widest ? sizes[k] : widest;
        w += k ? ((size_t)sizes[k - 1] + 1) * sizes[k] : 0;
    }
    double *delta = outputs + sizes[n_layers - 1];
    double *back = delta + widest;
    for (size_t k = n_layers - 1; k > 0; k--) {
        const size_t inputs = sizes[k - 1];
        w -= (inputs + 1) * sizes[k];
        in -= inputs;
        descend(w, in, inputs, sizes[k], delta, lr, k > 1 ? back : NULL);
        double *const spare = delta;
        delta = back;
        back = spare;
    }
}

/* One row of a network for classes: softmax and cross-entropy. */
static int64_t sgd_row(double *weights, const uint32_t *sizes, size_t n_layers, double lr,
                       int64_t label, double *values) {
    double *const out = forward(weights, sizes, n_layers, values);
    const size_t classes = sizes[n_layers - 1];
    const size_t best = largest(out, classes);
    if (label < 0) {
        return (int64_t)best;
    }
    double *const delta = out + classes;
    const double top = out[best];
    double total = 0.0;
    for (size_t k = 0; k < classes; k++) {
        delta[k] = exp(out[k] - top);
        total += delta[k];
    }
    for (size_t k = 0; k < classes; k++) {
        delta[k] = delta[k] / total - ((int64_t)k == label ? 1.0 : 0.0);
    }
    backward(weights, sizes, n_layers, lr, out);
    return (int64_t)best;
}

/*
 * One row of a network for a number: squared error of the target, standardised as a feature is.
 * `front` is the count, the mean and the variance of the targets.
 */
static double sgd_target_row(double *weights, const uint32_t *sizes, size_t n_layers, double lr,
                             float target, double window, double *front, double *values) {
    double *const out = forward(weights, sizes, n_layers, values);
    const double found = front[0] > 0.0 ? front[1] + sqrt(front[2]) * out[0] : NAN;
    if (!isnan(target)) {
        double z;
        standardise(&target, 1, window, 1, front, &z);
        out[1] = out[0] - z;
        backward(weights, sizes, n_layers, lr, out);
    }
    return found;
}

static size_t stride_of(size_t n) {
    return (n + WIDTH - 1) / WIDTH * WIDTH;
}

/*
 * Where the nearest of the rows lies that were kept; the row is then in bytes. 0 if none was kept.
 * `seen` counts the rows that came.
 */
static size_t nearest_place(const double *z, size_t n, const int8_t *kept, size_t room,
                            uint64_t seen, int8_t *row) {
    for (size_t i = 0; i < n; i++) {
        const double scaled = rint(z[i] * STEPS);
        row[i] = (int8_t)(scaled > 127.0 ? 127.0 : scaled);
    }
    const size_t stride = stride_of(n);
    const size_t filled = seen < room ? (size_t)seen : room;
    uint64_t least = UINT64_MAX;
    size_t found = 0;
    for (size_t m = 0; m < filled; m++) {
        const int8_t *const other = kept + m * stride;
        uint64_t distance = 0;
        for (size_t from = 0; from < stride; from += WIDTH) {
            int32_t part = 0;
            for (size_t i = from; i < from + WIDTH; i++) {
                const int32_t difference = (int32_t)row[i] - other[i];
                part += difference * difference;
            }
            distance += (uint64_t)part;
        }
        if (distance < least) {
            least = distance;
            found = m;
        }
    }
    return found;
}

/* The row takes the place of the oldest; return the place. */
static size_t keep(const int8_t *row, size_t n, int8_t *kept, size_t room, uint64_t *seen) {
    const size_t place = (size_t)(*seen % room);
    const size_t stride = stride_of(n);
    for (size_t i = 0; i < n; i++) {
        kept[place * stride + i] = row[i];
    }
    *seen += 1;
    return place;
}

SLB_EXPORT void slb_learned(const float *x, const int64_t *labels, uint64_t n_rows,
                            const uint32_t *sizes, uint32_t n_layers, double window, double lr,
                            double *front, double *weights, int8_t *kept, uint16_t *kept_labels,
                            uint64_t room, uint64_t *seen, double *values, int8_t *row,
                            int64_t *sgd, int64_t *nearest) {
    const size_t n = sizes[0];
    for (uint64_t t = 0; t < n_rows; t++) {
        const int64_t label = labels[t];
        standardise(x + t * n, n, window, label >= 0, front, values);
        const size_t found = nearest_place(values, n, kept, (size_t)room, *seen, row);
        nearest[t] = *seen ? kept_labels[found] : 0;
        if (label >= 0) {
            kept_labels[keep(row, n, kept, (size_t)room, seen)] = (uint16_t)label;
        }
        sgd[t] = sgd_row(weights, sizes, n_layers, lr, label, values);
    }
}

/* The same for numbers; NaN: a row without one. Nothing is known before the first: NaN. */
SLB_EXPORT void slb_learned_targets(const float *x, const float *targets, uint64_t n_rows,
                                    const uint32_t *sizes, uint32_t n_layers, double window,
                                    double lr, double *front, double *weights, int8_t *kept,
                                    float *kept_targets, uint64_t room, uint64_t *seen,
                                    double *values, int8_t *row, double target_window,
                                    double *target_front, double *sgd, double *nearest) {
    const size_t n = sizes[0];
    for (uint64_t t = 0; t < n_rows; t++) {
        const int known = !isnan(targets[t]);
        standardise(x + t * n, n, window, known, front, values);
        const size_t found = nearest_place(values, n, kept, (size_t)room, *seen, row);
        nearest[t] = *seen ? (double)kept_targets[found] : NAN;
        if (known) {
            kept_targets[keep(row, n, kept, (size_t)room, seen)] = targets[t];
        }
        sgd[t] = sgd_target_row(weights, sizes, n_layers, lr, targets[t], target_window,
                                target_front, values);
    }
}

/* The most frequent label so far, the lowest among equals, and the label before; 0 before any.
 * `latest` is the two of them. */
SLB_EXPORT void slb_labels(const int64_t *labels, uint64_t n_rows, uint64_t *counts,
                           int64_t *latest, int64_t *majority, int64_t *no_change) {
    for (uint64_t t = 0; t < n_rows; t++) {
        const int64_t label = labels[t];
        majority[t] = latest[0];
        no_change[t] = latest[1];
        if (label < 0) {
            continue;
        }
        const uint64_t count = ++counts[label];
        const uint64_t most = counts[latest[0]];
        if (count > most || (count == most && label < latest[0])) {
            latest[0] = label;
        }
        latest[1] = label;
    }
}
