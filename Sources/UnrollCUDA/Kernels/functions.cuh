// The functions of a cell's formula, and their derivatives as `CellGraph` has them. What is not a number stays so.

DEVICE float sigmoid(float x) { return 1.0f / (1.0f + expf(-x)); }
DEVICE float relu(float x) { return x > 0.0f || x != x ? x : 0.0f; }
DEVICE float softplus(float x) { return relu(x) + log1pf(expf(-fabsf(x))); }
DEVICE float minimum(float x, float y) { return x != x || x < y ? x : y; }
DEVICE float maximum(float x, float y) { return x != x || x > y ? x : y; }

DEVICE float tanh_gradient(float value, float gradient) { return gradient * (1.0f - value * value); }
DEVICE float sigmoid_gradient(float value, float gradient) { return gradient * value * (1.0f - value); }
DEVICE float relu_gradient(float value, float gradient) { return value > 0.0f ? gradient : 0.0f; }
DEVICE float abs_gradient(float x, float gradient) { return x > 0.0f ? gradient : x < 0.0f ? -gradient : 0.0f; }
DEVICE float gradient_of_greater(float a, float b, float gradient) {
    return a > b ? gradient : a < b ? 0.0f : 0.5f * gradient;
}
