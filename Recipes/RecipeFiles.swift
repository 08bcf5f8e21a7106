/// The files of the recipes that come with Unroll, in the program's code.
public enum RecipeFiles {
    /// Names and contents, in the order of `README.md`.
    public static var all: [(name: String, json: [UInt8])] {
        [
            ("d2l-scratch-sequential", PackageResources.d2l_scratch_sequential_json),
            ("d2l-fixed-minibatches", PackageResources.d2l_fixed_minibatches_json),
            ("d2l-random-offset", PackageResources.d2l_random_offset_json),
            ("d2l-scratch-random", PackageResources.d2l_scratch_random_json),
            ("d2l-slides", PackageResources.d2l_slides_json),
            ("gluon-concise", PackageResources.gluon_concise_json),
            ("lstm-scaffold", PackageResources.lstm_scaffold_json),
            ("gru-scaffold", PackageResources.gru_scaffold_json),
            ("exercise-embedding", PackageResources.exercise_embedding_json),
            ("exercise-low-perplexity", PackageResources.exercise_low_perplexity_json),
            ("exercise-other-books", PackageResources.exercise_other_books_json),
            ("exercise-sampling", PackageResources.exercise_sampling_json),
            ("exercise-clipping", PackageResources.exercise_clipping_json),
            ("exercise-detached-state", PackageResources.exercise_detached_state_json),
            ("exercise-relu", PackageResources.exercise_relu_json),
            ("tinyshakespeare-lstm", PackageResources.tinyshakespeare_lstm_json),
            ("time-machine-lstm", PackageResources.time_machine_lstm_json),
        ]
    }
}
