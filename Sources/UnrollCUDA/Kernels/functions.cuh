// The functions of a cell's formula, and their derivatives as `CellGraph` has them: by the function's value.

DEVICE float sigmoid(float x) { return 1.0f / (1.0f + expf(-x)); }
// What is not a number stays so.
DEVICE float relu(float x) { return x > 0.0f || x != x ? x : 0.0f; }

DEVICE float tanh_gradient(float value, float gradient) { return gradient * (1.0f - value * value); }
DEVICE float sigmoid_gradient(float value, float gradient) { return gradient * value * (1.0f - value); }
DEVICE float relu_gradient(float value, float gradient) { return value > 0.0f ? gradient : 0.0f; }
