// The cell's formula in kernels that run all steps of a recurrent layer: what an element's step reads and writes. What
// does not depend on other blocks is read while theirs is on its way.

// What the forward kernels are given of a layer.
//
// - `hidden_bias`, `input_bias`, `vectors`, `vector_stride`, `state_masks`, `output_mask`: As of `step_forward`.
// - `inputs`: What the inputs give to the gates, [steps, rows, G H]; or of tokens, row `input_rows[row]`, where
//   `input_rows` is [steps, B], unless that is null.
// - `states`: States before each step and after it, each [steps + 1, B, H] and `state_stride` numbers apart.
// - `layer_inputs`, `saved`, `outputs`: As of `step_forward`, of all steps.
// - `output_pace`: 1 if the mask of the outputs is another one in each step, otherwise 0.
struct ForwardLayer {
    int batch;
    const float *hidden_bias, *inputs;
    const int* input_rows;
    const float* input_bias;
    float* states;
    int state_stride;
    const float* vectors;
    int vector_stride;
    const float* layer_inputs;
    const Mask* state_masks;
    float *saved, *outputs;
    const Mask* output_mask;
    int output_pace;

    // A state of an element before a step, or after the last one.
    METHOD float& state(int state, int t, const Element& element) const {
        return states[(size_t)state * state_stride + ((size_t)t * batch + element.row) * HIDDEN + element.unit];
    }
    // The learned vectors of an element's unit.
    METHOD void read_vectors(const Element& element, float (&of_unit)[VECTORS + 1]) const {
#pragma unroll
        for (int i = 0; i < VECTORS; i++) of_unit[i] = vectors[(size_t)i * vector_stride + element.unit];
    }
};

// A step of a live element.
struct ForwardPoint {
    float gate_inputs[GATES], biases[GATES], shares[STATES], input;
    float saved[SAVED + 1];

    METHOD void read(const ForwardLayer& layer, int t, const Element& element) {
        const size_t token = (size_t)t * layer.batch + element.row;
        const float* const row =
            layer.inputs + (layer.input_rows ? (size_t)layer.input_rows[token] : token) * GATES * HIDDEN;
#pragma unroll
        for (int gate = 0; gate < GATES; gate++) {
            const int place = gate * HIDDEN + element.unit;
            gate_inputs[gate] = row[place] + (layer.input_bias ? layer.input_bias[place] : 0.0f);
            biases[gate] = layer.hidden_bias[place];
        }
#pragma unroll
        for (int state = 0; state < STATES; state++) {
            shares[state] =
                IS_MASKED(state) ? share(layer.state_masks[state], t, element.row, element.unit) : 1.0f;
        }
        input = READS_INPUT ? layer.layer_inputs[token * HIDDEN + element.unit] : 0.0f;
    }

    // The states become those after the step; `sums` are the gates' products.
    template <typename Sums>
    METHOD void compute(
        const Sums& sums, const Element& element, const float (&of_unit)[VECTORS + 1], float (&states)[STATES]) {
        float gates[GATES], new_states[STATES];
#pragma unroll
        for (int gate = 0; gate < GATES; gate++) gates[gate] = sums.sum(element, gate) + biases[gate];
        cell_forward(gates, gate_inputs, states, of_unit, input, shares, new_states, saved);
#pragma unroll
        for (int state = 0; state < STATES; state++) states[state] = new_states[state];
    }

    METHOD void write(const ForwardLayer& layer, int t, const Element& element, const float (&states)[STATES]) const {
        const int size = layer.batch * HIDDEN, place = element.row * HIDDEN + element.unit;
#pragma unroll
        for (int state = 0; state < STATES; state++) layer.state(state, t + 1, element) = states[state];
#pragma unroll
        for (int i = 0; i < SAVED; i++) layer.saved[((size_t)t * SAVED + i) * size + place] = saved[i];
        if (layer.outputs) {
            layer.outputs[(size_t)t * size + place] =
                masked(states[0], *layer.output_mask, t * layer.output_pace, element.row, element.unit);
        }
    }
};

// What the backward kernels are given of a layer.
//
// - `states`, `state_stride`, `output_pace`: As of `ForwardLayer`.
// - The others: As of `step_backward`, of all steps.
struct BackwardLayer {
    int batch;
    const float* output_gradients;
    const Mask* output_mask;
    int output_pace;
    const float* states;
    int state_stride;
    const float* vectors;
    int vector_stride;
    const float* layer_inputs;
    const Mask* state_masks;
    const float* saved;
    float *hidden_gradients, *input_gradients, *vector_gradients;
    int vector_gradient_stride;
    float* layer_input_gradients;

    // A state of an element before a step, or after the last one.
    METHOD float state(int state, int t, const Element& element) const {
        return states[(size_t)state * state_stride + ((size_t)t * batch + element.row) * HIDDEN + element.unit];
    }
};

// A step back of a live element.
struct BackwardPoint {
    float before[STATES], shares[STATES], saved[SAVED + 1], of_output, input;
    float gates[GATES], gate_inputs[GATES], of_vectors[VECTORS + 1], of_input;

    METHOD void read(const BackwardLayer& layer, int t, const Element& element) {
        const int size = layer.batch * HIDDEN, place = element.row * HIDDEN + element.unit;
        const size_t time = (size_t)t * size;
#pragma unroll
        for (int state = 0; state < STATES; state++) {
            before[state] = layer.state(state, t, element);
            shares[state] =
                IS_MASKED(state) ? share(layer.state_masks[state], t, element.row, element.unit) : 1.0f;
        }
#pragma unroll
        for (int i = 0; i < SAVED; i++) saved[i] = layer.saved[((size_t)t * SAVED + i) * size + place];
        of_output = masked(
            layer.output_gradients[time + place], *layer.output_mask, t * layer.output_pace, element.row, element.unit);
        input = READS_INPUT ? layer.layer_inputs[time + place] : 0.0f;
    }

    // Computes the gates' gradients. Those of the states after the step, without its output's, become those of the
    // states before it, without what flows through the gates.
    METHOD void compute(
        const BackwardLayer& layer, const Element& element, const float (&after)[STATES], float (&gradients)[STATES]) {
        gradients[0] += of_output;
        float of_unit[VECTORS + 1], previous[STATES];
#pragma unroll
        for (int i = 0; i < VECTORS; i++) of_unit[i] = layer.vectors[(size_t)i * layer.vector_stride + element.unit];
        cell_backward(
            saved, before, of_unit, input, shares, after, gradients, gates, gate_inputs, previous, of_vectors, of_input);
#pragma unroll
        for (int state = 0; state < STATES; state++) gradients[state] = previous[state];
    }

    METHOD void write(const BackwardLayer& layer, int t, const Element& element) const {
        const size_t row = (size_t)t * layer.batch + element.row, place = row * HIDDEN + element.unit;
#pragma unroll
        for (int gate = 0; gate < GATES; gate++) {
            const size_t gate_place = (row * GATES + gate) * HIDDEN + element.unit;
            layer.hidden_gradients[gate_place] = gates[gate];
            if (HAS_SPLIT_GATES) layer.input_gradients[gate_place] = gate_inputs[gate];
        }
        if (READS_INPUT) layer.layer_input_gradients[place] = of_input;
#pragma unroll
        for (int i = 0; i < VECTORS; i++) {
            layer.vector_gradients[(size_t)i * layer.vector_gradient_stride + place] = of_vectors[i];
        }
    }
};
