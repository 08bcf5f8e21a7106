/// What is done to a text before it is cut into tokens.
///
/// For `characters` and `words` a leading byte-order mark is dropped as well. Byte tokens are made of the file as it
/// is: nothing is dropped, and only ASCII bytes have a case or count as white space.
public enum Preprocessing: String, CaseIterable, Codable, Sendable {
    /// Nothing.
    case none
    /// Lower case; every run of white space becomes one space; no white space at either end.
    case lowercase
    /// Every run of anything but A-Z and a-z becomes one space, and the letters lower case ("Dive into Deep
    /// Learning" 1.0).
    case letters
}
