class CachedStorage: pass
