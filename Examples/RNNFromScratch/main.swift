import Chapter
import Unroll

try runChapter(parameters: rnnParameters, initialState: rnnState, forward: rnn)
