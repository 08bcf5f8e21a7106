@_exported import UnrollCore
@_exported import UnrollEngine
@_exported import UnrollGeneration
@_exported import UnrollKernels
@_exported import UnrollModel
@_exported import UnrollStorage
@_exported import UnrollText
@_exported import UnrollTraining
