// What the host says about each training step, and what the device answers. The Swift types of the same names lay them
// out alike.

// The numbers of one step, before its masks and tokens.
struct Step {
    // Whether the recurrent state goes on from the step before.
    int continues_state;
    // How many distinct tokens are read.
    int distinct_count;
    float label_smoothing;
    // The greatest norm of the gradient; zero for no limit. Beyond it the rate is scaled, or else the gradient.
    float max_norm;
    int scales_rate;
    // As in `OptimizerStep`.
    float weight_decay, shrinkage, rate, momentum, momentum_share;
    int is_nesterov;
    float square_decay, square_share, root_scale, epsilon, average_share;
    // One over the tokens of the whole minibatch, of whose mean loss the gradient is.
    float loss_scale;
    // The mean loss over all shards; for an update by their gradient.
    float mean_loss;
};

// How far a run of steps has come.
struct Run {
    // The step that is next.
    int index;
    // Whether a loss or a gradient was not finite, so that nothing is to be changed any more.
    int has_stopped;
};

// What a step found.
struct Result {
    double mean_loss, gradient_norm;
};

// What is to be done with a step's gradient.
struct Decision {
    int is_finite;
    float gradient_scale, rate;
};
