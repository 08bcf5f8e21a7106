/// The story that comes with Unroll, "The Lamp at Overby": a text to try everything on, offline.
///
/// It was written for this project and is dedicated to the public domain (CC0 1.0). It is part of the program's code,
/// so a program that is copied elsewhere still has it.
public enum SampleText {
    /// The story's title.
    public static let title = "The Lamp at Overby"

    /// The story as UTF-8, about 38,000 characters.
    public static var utf8: [UInt8] { PackageResources.sample_txt }
}
