import UnrollBase
